import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { oncePerBoot } from '../../base/host-cache.ts'
import { homePath } from '../../base/paths.ts'
import { tinyElf } from '../tiny-elf.ts'

const clockGettime = [0xbf, 0x04, 0x00, 0x00, 0x00, 0xb8, 0xe4, 0x00, 0x00, 0x00, 0x0f, 0x05] // (CLOCK_MONOTONIC_RAW, rsi)
const readCounter = [0x0f, 0x31, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0] // rdtsc; rax = edx:eax

// Writes clock and counter before and after 20 ms of sleep: two times { s, ns, counter }, 64 bits each.
const code = [
  ...[0x48, 0x83, 0xec, 0x40], // sub rsp, 64
  ...[0x48, 0x89, 0xe6, ...clockGettime, ...readCounter], // rsi = rsp
  ...[0x48, 0x89, 0x44, 0x24, 0x10], // [rsp+16] = rax
  ...[0x48, 0xc7, 0x44, 0x24, 0x30, 0x00, 0x00, 0x00, 0x00], // [rsp+48] = 0 s
  ...[0x48, 0xc7, 0x44, 0x24, 0x38, 0x00, 0x2d, 0x31, 0x01], // [rsp+56] = 20,000,000 ns
  ...[0x48, 0x8d, 0x7c, 0x24, 0x30, 0x31, 0xf6], // rdi = rsp+48; rsi = 0
  ...[0xb8, 0x23, 0x00, 0x00, 0x00, 0x0f, 0x05], // nanosleep
  ...[0x48, 0x8d, 0x74, 0x24, 0x18, ...clockGettime, ...readCounter], // rsi = rsp+24
  ...[0x48, 0x89, 0x44, 0x24, 0x28], // [rsp+40] = rax
  ...[0xbf, 0x01, 0x00, 0x00, 0x00, 0x48, 0x89, 0xe6, 0xba, 0x30, 0x00, 0x00, 0x00], // 1, rsp, 48
  ...[0xb8, 0x01, 0x00, 0x00, 0x00, 0x0f, 0x05], // write
  ...[0x31, 0xff, 0xb8, 0x3c, 0x00, 0x00, 0x00, 0x0f, 0x05], // exit(0)
]

/**
 * The frequency of the host's time stamp counter in kHz, which is an emulated guest's as well. Linux would measure it
 * against the emulated timer at its start, and hangs for ever where the host takes the processor away meanwhile.
 * @returns undefined where it cannot be measured, for instance because UFR_HOME may not hold programs.
 */
export function hostTscKhz(): Promise<number | undefined> {
  return oncePerBoot('tsc', '', measure)
}

async function measure(): Promise<number | undefined> {
  try {
    return await withTemporaryFolder(homePath('cache'), async (folder) => {
      const program = path.join(folder, 'tsc')
      fs.writeFileSync(program, tinyElf({ loadAddress: 0x400000, code }), { mode: 0o700 })
      // The middle of three: an interruption between clock and counter falsifies one, hardly two.
      const found = [await sample(program), await sample(program), await sample(program)]
      return Math.round(found.sort((a, b) => a - b)[1]!)
    })
  } catch {
    return undefined
  }
}

async function sample(program: string): Promise<number> {
  const { stdout } = await promisify(execFile)(program, [], { encoding: 'buffer', timeout: 2000 })
  const at = (index: number) => stdout.readBigUInt64LE(8 * index)
  const nanoseconds = (at(3) - at(0)) * 1_000_000_000n + at(4) - at(1)
  return (Number(at(5) - at(2)) * 1e6) / Number(nanoseconds)
}
