import { type Instruction, newInstruction, readInstruction } from './instruction.ts'
import { apply } from './registers.ts'

/**
 * What a register holds where it matters: a number that the code put there (0 or more), `unknown`, or what it held
 * when the function was entered (`entryValue`).
 */
export type Value = number

const unknown = -1

/** What a register held when its function was entered. */
export function entryValue(register: number): Value {
  return -2 - register
}

/** The register whose value at entry a value is; undefined for others. */
export function entryRegister(value: Value): number | undefined {
  return value <= -2 ? -2 - value : undefined
}

/** What is found in code, in the order of its addresses. */
export interface CodeEvents {
  /** A system call, and its number. */
  syscall(at: number, number: Value): void
  /** A direct call, or a jump out of the function at hand. */
  call(at: number, target: number, registers: Registers, isCall: boolean): void
  /** A call or jump to where a slot of memory says, which the dynamic linker fills. */
  slot(at: number, slot: number, registers: Registers): void
  /** An address that is computed, or read from a slot: of code perhaps. */
  address(at: number, target: number, fromSlot: boolean): void
}

/** Where a number of a call may be: rax as in Go, rdi as in C, the stack as in glibc from 2.41 on. */
export interface Registers {
  rax: Value
  rdi: Value
  pushed: Value
}

export interface CodeRange {
  /** Address of the first byte. */
  address: number
  bytes: Uint8Array
}

/** In the place of a register: what the caller left on the stack. */
export const stackArgument = 16

const rax = 0
const rdi = 7
const fixedBelow = 0x8000_0000

/**
 * Goes through code from its first byte to its last, once. Bytes that are no instructions are passed over one by one.
 * @param starts addresses of functions in the range, in order: there, registers hold what the caller put in them.
 */
export function scanCode({ address, bytes }: CodeRange, starts: readonly number[], events: CodeEvents): void {
  const registers = new Int32Array(16).fill(unknown)
  let pushed: Value = unknown
  const end = bytes.length
  const one = newInstruction()
  let next = 0
  while (next < starts.length && starts[next]! < address) next++
  // Where a file does not say where its functions begin, they do at multiples of 16 behind the end of another one.
  const unmarked = bytes.length > 4096 * (starts.length + 1)
  /** Whether the instruction before this one never goes on to it. */
  let fresh = true
  const current = () => ({ rax: registers[rax]!, rdi: registers[rdi]!, pushed })
  for (let at = 0; at < end; ) {
    const here = address + at
    const start = starts[next]
    if (start !== undefined && here >= start) {
      // Out of step by some bytes of data: a function's start is right.
      at = start - address
      while (next < starts.length && starts[next]! <= start) next++
      enter(registers)
      pushed = unknown
      if (at + address !== here) continue
      fresh = false
    }
    readInstruction(bytes, at, end, one)
    if (one.length === 0) {
      registers.fill(unknown)
      pushed = unknown
      at++
      continue
    }
    const { map, opcode } = one
    const after = here + one.length
    if (fresh && !isPadding(one)) {
      if (unmarked && here % 16 === 0) enter(registers)
      fresh = false
    }
    if (map === 0 && (opcode === 0xe8 || opcode === 0xe9)) {
      events.call(here, after + one.immediate!, current(), opcode === 0xe8)
    } else if (map === 1 && opcode >= 0x80 && opcode <= 0x8f) {
      events.call(here, after + one.immediate!, current(), false)
    } else if (map === 1 && opcode === 0x05) {
      events.syscall(here, registers[rax]!)
    } else if (map === 0 && one.relative !== undefined) {
      const target = after + one.relative
      if (opcode === 0xff && (one.reg === 2 || one.reg === 4)) events.slot(here, target, current())
      else if (opcode === 0x8d) events.address(here, target, false)
      else if (opcode === 0x8b && one.wide) events.address(here, target, true)
    } else if (isFixedAddress(one)) {
      events.address(here, one.immediate! >>> 0, false)
    }
    if (map === 0 && (opcode === 0x6a || opcode === 0x68))
      pushed = one.immediate! >= 0 ? one.immediate! : unknown
    else if (map === 0 && opcode >= 0x50 && opcode <= 0x57) pushed = registers[one.rm]!
    else if (map === 0 && opcode === 0xff && one.reg === 6)
      pushed = one.rm === 4 ? entryValue(stackArgument) : unknown
    apply(one, registers)
    if (isCall(one)) pushed = unknown
    if (endsFlow(one)) {
      leave(registers)
      pushed = unknown
      fresh = true
    }
    at += one.length
  }
}

function enter(registers: Int32Array): void {
  for (let register = 0; register < 16; register++) registers[register] = entryValue(register)
}

/**
 * What comes now is jumped to from elsewhere. Compilers keep the number of a call that a loop makes in a register of its
 * own and begin such loops in the middle: numbers in registers other than rax are taken to be still there.
 */
function leave(registers: Int32Array): void {
  for (let register = 0; register < 16; register++) {
    if (register === rax || registers[register]! < 0) registers[register] = unknown
  }
}

/** `mov $ADDRESS,%reg`, as in programs that are linked to an address. */
function isFixedAddress({ map, opcode, immediate, mod }: Instruction): boolean {
  if (map !== 0 || immediate === undefined || immediate < 0x1000 || immediate >= fixedBelow) return false
  return (opcode >= 0xb8 && opcode <= 0xbf) || (opcode === 0xc7 && mod >= 0) || opcode === 0x68
}

function isPadding({ map, opcode }: Instruction): boolean {
  return (map === 0 && (opcode === 0x90 || opcode === 0xcc)) || (map === 1 && opcode === 0x1f)
}

function isCall({ map, opcode, reg, mod }: Instruction): boolean {
  return map === 0 && (opcode === 0xe8 || (opcode === 0xff && mod >= 0 && reg === 2))
}

/** Whether what comes next in memory is not what runs next. */
function endsFlow({ map, opcode, reg, mod }: Instruction): boolean {
  if (map === 1) return opcode === 0x0b
  if (map !== 0) return false
  if (opcode === 0xff) return mod >= 0 && (reg === 4 || reg === 5)
  return opcode === 0xe9 || opcode === 0xeb || opcode === 0xc3 || opcode === 0xc2 || opcode === 0xf4
}
