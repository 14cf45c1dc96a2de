import type { BootProtocol } from '../../../../src/vmm/machine.ts'
import { tinyElf } from '../../../../src/vmm/tiny-elf.ts'

/**
 * Kernels of a few instructions. All of them mean the same in 32-bit mode, in which PVH hands over, and in 64-bit mode,
 * in which Linux' boot protocol does: addresses below 4 GiB, no paging of their own, no interrupts.
 */
const loadAddress = 0x100000
/** Bytes before the code: ELF header, two program headers, and the note of PVH. */
const headerBytes = 64 + 2 * 56 + 24

/** One thing that a guest does: its instructions, given where its data will be. */
interface Step {
  code(dataAddress: number): number[]
  data: Uint8Array
}

export const serialPort = { console: 0x3f8, errors: 0x2f8 } as const

/** A kernel that does one thing after the other, and then nothing. */
export function tinyKernel(...steps: Step[]): Buffer {
  const all = [...steps, halt()]
  // Code has the same length wherever its data is.
  const codeBytes = all.reduce((sum, step) => sum + step.code(0).length, 0)
  let at = loadAddress + headerBytes + codeBytes
  const code: number[] = []
  for (const step of all) {
    code.push(...step.code(at))
    at += step.data.length
  }
  const data = Buffer.concat(all.map((step) => step.data))
  return tinyElf({ loadAddress, code: [...code, ...data], pvh: true })
}

/** Waits until a serial port takes a byte (register 5, bit 5). */
const waitFor = (port: number) => [0xba, ...word(port + 5), 0xec, 0xa8, 0x20, 0x74, 0xf6]

/** Writes bytes to a serial port. */
export function print(bytes: Uint8Array, port: number = serialPort.console): Step {
  return {
    data: bytes,
    code: (address) => [
      0xfc, // cld
      ...[0xbe, ...word(address)], // mov esi, address
      ...[0xb9, ...word(bytes.length)], // mov ecx, length
      ...waitFor(port),
      ...[0xba, ...word(port), 0xac, 0xee], // mov edx, port; lodsb; out dx, al
      ...[0xff, 0xc9, 0x75, 0xeb], // dec ecx; jnz to the waiting
    ],
  }
}

/** Writes the command line to the console; has to be the first step, for it needs the registers as they are handed over. */
export function printCommandLine(protocol: BootProtocol): Step {
  const address: Record<BootProtocol, number[]> = {
    pvh: [0x8b, 0x73, 0x18], // mov esi, [ebx + 24]: hvm_start_info, cmdline_paddr
    linux: [0x8b, 0xb6, ...word(0x228)], // mov esi, [rsi + 0x228]: boot_params, cmd_line_ptr
    multiboot: [0x8b, 0x73, 0x10], // mov esi, [ebx + 16]: multiboot_info, cmdline
  }
  return {
    data: Buffer.alloc(0),
    code: () => [
      ...address[protocol],
      0xfc, // cld
      ...[0x80, 0x3e, 0x00, 0x74, 0x13], // cmp byte [esi], 0; jz behind
      ...waitFor(serialPort.console),
      ...[0xba, ...word(serialPort.console), 0xac, 0xee], // mov edx, port; lodsb; out dx, al
      ...[0xeb, 0xe8], // jmp to the comparison
    ],
  }
}

/** Takes some milliseconds at least: a VMM is to have answered that the machine runs before it ends. */
export function work(): Step {
  return plain([0xb9, ...word(30_000_000), 0xff, 0xc9, 0x75, 0xfc]) // mov ecx, rounds; dec ecx; jnz to it
}

/** Ends the machine with a status, where there is a device for that. */
export function exit(status: number): Step {
  return plain([0xb8, ...word(status), 0xba, ...word(0x501), 0xee])
}

/** Resets the machine: an exception without anybody to take it. */
export function reset(): Step {
  // lidt [esi] of ten zeros; int3
  return { data: Buffer.alloc(10), code: (address) => [0xbe, ...word(address), 0x0f, 0x01, 0x1e, 0xcc] }
}

/** Runs in a circle. */
export function spin(): Step {
  return plain([0xeb, 0xfe])
}

function halt(): Step {
  return plain([0xf4, 0xeb, 0xfd])
}

function plain(code: number[]): Step {
  return { data: Buffer.alloc(0), code: () => code }
}

function word(value: number): number[] {
  return [...Buffer.from(Uint32Array.of(value).buffer)]
}
