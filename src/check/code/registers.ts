import type { Instruction } from './instruction.ts'

const unknown = -1
const rax = 0
const rdx = 2
const rsi = 6
const rdi = 7
/** What a called function may change (System V ABI, "Registers"). */
const volatile = [0, 1, 2, 6, 7, 8, 9, 10, 11]

/** What an instruction does to the general registers, as far as numbers of system calls go. */
export function apply(one: Instruction, registers: Int32Array): void {
  const { map, opcode } = one
  if (map === 0) applyOneByte(one, registers)
  else if (map === 1) applyTwoByte(one, registers)
  else if (map === 2) {
    if (opcode >= 0xf0) forget(registers, one.reg)
  } else if (map === 3) {
    if (opcode >= 0x14 && opcode <= 0x17) forgetOperand(one, registers)
  } else {
    // Vector encodings have the upper bits of registers elsewhere.
    forget(registers, one.reg & 7)
    forget(registers, (one.reg & 7) | 8)
    if (one.mod === 3) {
      forget(registers, one.rm & 7)
      forget(registers, (one.rm & 7) | 8)
    }
  }
}

function forget(registers: Int32Array, register: number): void {
  if (register >= 0) registers[register] = unknown
}

function forgetOperand({ mod, rm }: Instruction, registers: Int32Array): void {
  if (mod === 3) registers[rm] = unknown
}

function applyOneByte(one: Instruction, registers: Int32Array): void {
  const { opcode, mod, reg, rm, immediate } = one
  if (opcode < 0x40) {
    const kind = opcode & 7
    const isCompare = opcode >= 0x38
    if (isCompare || kind > 5) return
    if (mod === 3 && reg === rm && (opcode === 0x31 || opcode === 0x33 || opcode === 0x29 || opcode === 0x2b))
      registers[reg] = 0
    else if (kind <= 1) forgetOperand(one, registers)
    else if (kind <= 3) forget(registers, reg)
    else registers[rax] = unknown
    return
  }
  if (opcode >= 0xb8 && opcode <= 0xbf) {
    registers[rm] = immediate !== undefined && immediate >= 0 ? immediate : unknown
    return
  }
  if ((opcode >= 0x58 && opcode <= 0x5f) || (opcode >= 0xb0 && opcode <= 0xb7)) {
    registers[rm] = unknown
    return
  }
  if (opcode >= 0x90 && opcode <= 0x97) {
    if (rm === rax) return
    const other = registers[rm]!
    registers[rm] = registers[rax]!
    registers[rax] = other
    return
  }
  switch (opcode) {
    case 0x89:
      if (mod === 3) registers[rm] = registers[reg]!
      return
    case 0x8b:
      registers[reg] = mod === 3 ? registers[rm]! : unknown
      return
    case 0xc7:
      if (mod === 3) registers[rm] = immediate !== undefined && immediate >= 0 ? immediate : unknown
      return
    case 0x63:
    case 0x69:
    case 0x6b:
    case 0x8a:
    case 0x8d:
      registers[reg] = unknown
      return
    case 0x80:
    case 0x81:
    case 0x83:
      if ((reg & 7) !== 7) forgetOperand(one, registers)
      return
    case 0x86:
    case 0x87:
      registers[reg] = unknown
      forgetOperand(one, registers)
      return
    case 0x88:
    case 0x8f:
    case 0xc0:
    case 0xc1:
    case 0xc6:
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3:
    case 0xfe:
      forgetOperand(one, registers)
      return
    case 0x99:
      registers[rdx] = unknown
      return
    case 0xa0:
    case 0xa1:
    case 0xac:
    case 0xad:
      registers[rax] = unknown
      return
    case 0xa4:
    case 0xa5:
    case 0xaa:
    case 0xab:
      registers[rsi] = unknown
      registers[rdi] = unknown
      return
    case 0xe8:
      for (const register of volatile) registers[register] = unknown
      return
    case 0xf6:
    case 0xf7:
      if ((reg & 7) >= 4) {
        registers[rax] = unknown
        registers[rdx] = unknown
      } else if ((reg & 7) >= 2) forgetOperand(one, registers)
      return
    case 0xff:
      if (reg === 2) for (const register of volatile) registers[register] = unknown
      else if ((reg & 7) <= 1) forgetOperand(one, registers)
  }
}

function applyTwoByte(one: Instruction, registers: Int32Array): void {
  const { opcode, reg, rm } = one
  if ((opcode >= 0x40 && opcode <= 0x4f) || writesRegister.has(opcode)) forget(registers, reg)
  if ((opcode >= 0x90 && opcode <= 0x9f) || writesOperand.has(opcode)) forgetOperand(one, registers)
  if (opcode >= 0xc8 && opcode <= 0xcf) registers[rm] = unknown
  // The kernel leaves its answer in rax, and uses rcx and r11.
  if (opcode === 0x05) for (const register of [rax, 1, 11]) registers[register] = unknown
  if (writesAccumulator.has(opcode)) for (const register of [rax, 1, rdx, 3]) registers[register] = unknown
}

const writesRegister = new Set([
  0x2c, 0x2d, 0x50, 0xaf, 0xb6, 0xb7, 0xb8, 0xbc, 0xbd, 0xbe, 0xbf, 0xc0, 0xc1, 0xc5, 0xd7, 0x02, 0x03,
])
const writesOperand = new Set([
  0x7e, 0xa4, 0xa5, 0xab, 0xac, 0xad, 0xb0, 0xb1, 0xb3, 0xba, 0xbb, 0xc0, 0xc1, 0xc7,
])
/** cmpxchg, cpuid, rdtsc, xgetbv and their like. */
const writesAccumulator = new Set([0x01, 0x31, 0x32, 0x33, 0xa2, 0xb0, 0xb1, 0xc7])
