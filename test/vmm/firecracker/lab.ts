import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { runtimeFolder } from '../../../src/base/own-folder.ts'
import type { MachineSpec } from '../../../src/vmm/machine.ts'
import { tinyElf } from '../../../src/vmm/tiny-elf.ts'
import type { VmOutput } from '../../../src/vmm/vmm.ts'
import { fakeFirecracker, type Play } from './fake.ts'
import { type Residue, residue } from './residue.ts'

export interface Lab {
  folder: string
  firecracker: string
  spec: MachineSpec
  output: VmOutput
  /** What the guest has printed. */
  printed(): string
  /** What Firecracker has been asked for: `[method, path, body]`, and its arguments first. */
  asked(): unknown[][]
  residue(): Residue
}

/** A folder with a UFR_HOME, a fake Firecracker and parts of a machine; gone with the test, as is the environment. */
export function lab(t: TestContext, play: Play = {}, { jail = false } = {}): Lab {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-fc-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  setFor(t, { UFR_HOME: path.join(folder, 'home'), UFR_JAIL: jail ? '' : 'off', UFR_JAIL_UID: '' })
  const requests = path.join(folder, 'requests')
  fs.writeFileSync(requests, '')
  const firecracker = fakeFirecracker(path.join(folder, 'firecracker'), requests, play)
  let printed = ''
  return {
    folder,
    firecracker,
    spec: machine(folder),
    output: { console: (chunk) => (printed += chunk), errorLine() {} } as VmOutput,
    printed: () => printed,
    asked: () => lines(requests),
    residue: () => residue(folder, runtimeFolder(), path.join(folder, 'home', 'run')),
  }
}

function lines(file: string): unknown[][] {
  const text = fs.readFileSync(file, 'utf8').trim()
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line))
}

export function setFor(t: TestContext, variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name]
    process.env[name] = value
    t.after(() => {
      if (before === undefined) delete process.env[name]
      else process.env[name] = before
    })
  }
}

function machine(folder: string): MachineSpec {
  const file = (name: string, content: string | Uint8Array) => {
    fs.writeFileSync(path.join(folder, name), content, { mode: 0o644 })
    return { file: path.join(folder, name), digest: name }
  }
  const kernel = tinyElf({ loadAddress: 0x100000, code: [0xf4], pvh: true })
  return {
    kernel: { ...file('kernel.elf', kernel), protocols: ['pvh'] },
    board: 'microvm',
    initrd: file('initrd', 'initrd'),
    commandLine: 'console=ttyS0 -- a "b c"',
    disks: [
      { ...file('root disk', 'root'), mode: 'scratch' },
      { ...file('base', 'base'), mode: 'read-only' },
    ],
    memoryMiB: 128,
    cpus: 2,
    errorLine: false,
    entropy: true,
  }
}

/** Looks again and again until two looks agree with what is expected: the last of a process goes when it likes. */
export async function settled<T>(look: () => T, expected: T, equal: (a: T, b: T) => boolean): Promise<T> {
  const end = Date.now() + 20_000
  let found = look()
  while (!equal(found, expected) && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    found = look()
  }
  return found
}
