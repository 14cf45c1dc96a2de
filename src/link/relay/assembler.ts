/**
 * As much of an x86-64 assembler as a small program of system calls needs (Intel SDM, volume 2). Every instruction has
 * one encoding of fixed length, so that a label's place is known as soon as it is passed.
 */
export type Register =
  | 'rax'
  | 'rcx'
  | 'rdx'
  | 'rbx'
  | 'rsp'
  | 'rbp'
  | 'rsi'
  | 'rdi'
  | 'r8'
  | 'r9'
  | 'r10'
  | 'r11'
  | 'r12'
  | 'r13'
  | 'r14'
  | 'r15'

const registers: readonly Register[] = [
  ...(['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const),
]

/** The address of a label, or of a byte of the stack frame that `rbp` points to. */
export type Place = { label: string } | { frame: number }
export type Operand = number | Register | Place

/** By the second byte of `0F 8x`: how the comparison before it came out, for signed numbers. */
const conditions = { '=': 0x84, '!=': 0x85, '<': 0x8c, '>=': 0x8d, '<=': 0x8e, '>': 0x8f } as const
export type Condition = keyof typeof conditions

export interface Assembler {
  label(name: string): void
  /** Puts a value (32 bits, sign-extended), a register or an address into a register. */
  set(target: Register, value: Operand): void
  add(target: Register, value: Register): void
  subtract(target: Register, value: Register): void
  /** Loads an unsigned byte of the frame. */
  loadByte(target: Register, frame: number): void
  /** Stores the low byte of rax, rcx, rdx or rbx in the frame. */
  storeByte(frame: number, value: 'rax' | 'rcx' | 'rdx' | 'rbx'): void
  /** Stores 32 bits in the frame. */
  store(frame: number, value: number | Register): void
  shiftLeft(target: Register, bits: number): void
  shiftRight(target: Register, bits: number): void
  compare(register: Register, value: number): void
  jump(label: string): void
  jumpIf(condition: Condition, label: string): void
  call(label: string): void
  ret(): void
  /** Calls the kernel (System V ABI, A.2.1): the result is in rax; rcx and r11 are lost. */
  system(number: number, ...args: Operand[]): void
  bytes(bytes: Uint8Array): void
}

const argumentRegisters: readonly Register[] = ['rdi', 'rsi', 'rdx', 'r10', 'r8', 'r9']

/** @returns the machine code of what `program` writes. @throws Error for a label that is nowhere, or twice. */
export function assemble(program: (assembler: Assembler) => void): number[] {
  const code: number[] = []
  const labels = new Map<string, number>()
  const references: { at: number; label: string }[] = []

  const emit = (...bytes: number[]) => code.push(...bytes)
  const emit32 = (value: number) => emit(...[0, 8, 16, 24].map((shift) => (value >> shift) & 0xff))
  const number = (register: Register) => registers.indexOf(register)
  const isRegister = (value: Operand): value is Register => typeof value === 'string'
  /** REX.W with the extension bits of the two registers of a ModRM byte. */
  const wide = (reg: number, rm: number) => emit(0x48 | (reg & 8 ? 4 : 0) | (rm & 8 ? 1 : 0))
  const modrm = (mod: number, reg: number, rm: number) => emit((mod << 6) | ((reg & 7) << 3) | (rm & 7))
  const between = (opcode: number, rm: Register, reg: Register) => {
    wide(number(reg), number(rm))
    emit(opcode)
    modrm(3, number(reg), number(rm))
  }
  const inFrame = (reg: number, frame: number) => {
    modrm(2, reg, number('rbp'))
    emit32(frame)
  }
  const relative = (label: string) => {
    references.push({ at: code.length, label })
    emit32(0)
  }
  const shift = (extension: number, target: Register, bits: number) => {
    wide(0, number(target))
    emit(0xc1)
    modrm(3, extension, number(target))
    emit(bits)
  }

  const assembler: Assembler = {
    label(name) {
      if (labels.has(name)) throw new Error(`label ${name} is there twice`)
      labels.set(name, code.length)
    },
    set(target, value) {
      const to = number(target)
      if (isRegister(value)) between(0x89, target, value)
      else if (typeof value === 'number') {
        wide(0, to)
        emit(0xc7)
        modrm(3, 0, to)
        emit32(value)
      } else {
        wide(to, 0)
        emit(0x8d)
        if ('frame' in value) inFrame(to, value.frame)
        else {
          modrm(0, to, 5)
          relative(value.label)
        }
      }
    },
    add: (target, value) => between(0x01, target, value),
    subtract: (target, value) => between(0x29, target, value),
    loadByte(target, frame) {
      wide(number(target), 0)
      emit(0x0f, 0xb6)
      inFrame(number(target), frame)
    },
    storeByte(frame, value) {
      emit(0x88)
      inFrame(number(value), frame)
    },
    store(frame, value) {
      if (isRegister(value)) {
        emit(0x40 | (number(value) & 8 ? 4 : 0), 0x89)
        inFrame(number(value), frame)
      } else {
        emit(0xc7)
        inFrame(0, frame)
        emit32(value)
      }
    },
    shiftLeft: (target, bits) => shift(4, target, bits),
    shiftRight: (target, bits) => shift(5, target, bits),
    compare(register, value) {
      wide(0, number(register))
      emit(0x81)
      modrm(3, 7, number(register))
      emit32(value)
    },
    jump(label) {
      emit(0xe9)
      relative(label)
    },
    jumpIf(condition, label) {
      emit(0x0f, conditions[condition])
      relative(label)
    },
    call(label) {
      emit(0xe8)
      relative(label)
    },
    ret: () => emit(0xc3),
    system(call, ...args) {
      args.forEach((value, index) => {
        assembler.set(argumentRegisters[index]!, value)
      })
      assembler.set('rax', call)
      emit(0x0f, 0x05)
    },
    bytes: (bytes) => emit(...bytes),
  }

  program(assembler)
  for (const { at, label } of references) {
    const place = labels.get(label)
    if (place === undefined) throw new Error(`no label ${label}`)
    const distance = place - (at + 4)
    for (let i = 0; i < 4; i++) code[at + i] = (distance >> (8 * i)) & 0xff
  }
  return code
}
