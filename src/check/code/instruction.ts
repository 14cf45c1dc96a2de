/**
 * How long an x86-64 instruction is, and the few things about it that finding system calls takes (Intel SDM volume 2,
 * chapter 2 and appendix A). Nothing else is decoded.
 */
export interface Instruction {
  /** Bytes; 0 where the bytes are no instruction, or are cut off. */
  length: number
  /** 0: one byte; 1: 0F; 2: 0F 38; 3: 0F 3A. Vector instructions (VEX, EVEX) are -1. */
  map: number
  opcode: number
  /** Whether the operands have 64 bits. */
  wide: boolean
  /** The ModRM byte's fields with REX's bits added; -1 where there is none. */
  mod: number
  reg: number
  /** Without a ModRM byte: the register that the opcode itself names. */
  rm: number
  /** Where an operand is relative to the next instruction (mod 0, rm 5): the distance. */
  relative: number | undefined
  /** The immediate operand or jump distance, with its sign, where there is one of up to 32 bits. */
  immediate: number | undefined
}

/** By opcode: what follows it. */
const none = 0
const bad = 1
const modrm = 2
const byte = 4
/** 32 bits, 16 with the operand-size prefix. */
const word = 8
const special = 16

const oneByte = new Uint8Array(256)
const twoByte = new Uint8Array(256).fill(modrm)

function set(table: Uint8Array, from: number, to: number, what: number): void {
  table.fill(what, from, to + 1)
}

for (let row = 0; row < 0x40; row += 8) {
  set(oneByte, row, row + 3, modrm)
  oneByte[row + 4] = byte
  oneByte[row + 5] = word
  set(oneByte, row + 6, row + 7, bad)
}
set(oneByte, 0x60, 0x61, bad)
for (const at of [0x63, 0x8f]) oneByte[at] = modrm
oneByte[0x68] = word
oneByte[0x69] = modrm | word
oneByte[0x6a] = byte
oneByte[0x6b] = modrm | byte
set(oneByte, 0x70, 0x7f, byte)
set(oneByte, 0x80, 0x83, modrm | byte)
oneByte[0x81] = modrm | word
oneByte[0x82] = bad
set(oneByte, 0x84, 0x8f, modrm)
oneByte[0x9a] = bad
set(oneByte, 0xa0, 0xa3, special)
oneByte[0xa8] = byte
oneByte[0xa9] = word
set(oneByte, 0xb0, 0xb7, byte)
set(oneByte, 0xb8, 0xbf, special)
set(oneByte, 0xc0, 0xc1, modrm | byte)
oneByte[0xc2] = special
oneByte[0xc6] = modrm | byte
oneByte[0xc7] = modrm | word
oneByte[0xc8] = special
oneByte[0xca] = special
oneByte[0xcd] = byte
oneByte[0xce] = bad
set(oneByte, 0xd0, 0xd3, modrm)
set(oneByte, 0xd4, 0xd6, bad)
set(oneByte, 0xd8, 0xdf, modrm)
set(oneByte, 0xe0, 0xe7, byte)
set(oneByte, 0xe8, 0xe9, word)
oneByte[0xea] = bad
oneByte[0xeb] = byte
set(oneByte, 0xf6, 0xf7, modrm | special)
set(oneByte, 0xfe, 0xff, modrm)

for (const at of [0x04, 0x0a, 0x0c, 0x24, 0x25, 0x26, 0x27, 0x36, 0x39, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f])
  twoByte[at] = bad
for (const at of [0x05, 0x06, 0x07, 0x08, 0x09, 0x0b, 0x0e, 0x77]) twoByte[at] = none
set(twoByte, 0x30, 0x37, none)
for (const at of [0xa0, 0xa1, 0xa2, 0xa8, 0xa9, 0xaa]) twoByte[at] = none
set(twoByte, 0x80, 0x8f, word)
set(twoByte, 0xc8, 0xcf, none)
for (const at of [0x0f, 0x70, 0x71, 0x72, 0x73, 0xa4, 0xac, 0xba, 0xc2, 0xc4, 0xc5, 0xc6])
  twoByte[at] = modrm | byte

const longest = 15

/** Reads one instruction into `into`, which is given back: code is read by the million. */
export function readInstruction(
  code: Uint8Array,
  start: number,
  end: number,
  into: Instruction,
): Instruction {
  into.length = 0
  into.mod = -1
  into.reg = -1
  into.rm = -1
  into.relative = undefined
  into.immediate = undefined
  const limit = Math.min(end, start + longest)
  let at = start
  let short = false
  let rex = 0
  for (; at < limit; at++) {
    const prefix = code[at]!
    if (prefix === 0x66) short = true
    else if (prefix >= 0x40 && prefix <= 0x4f) {
      // REX counts only right before the opcode.
      rex = prefix
      continue
    } else if (!isPrefix(prefix)) break
    rex = 0
  }
  if (at >= limit) return into
  into.wide = (rex & 8) !== 0
  let opcode = code[at++]!
  let map = 0
  let follows: number
  if (opcode === 0xc4 || opcode === 0xc5 || opcode === 0x62) {
    const prefixBytes = opcode === 0xc5 ? 1 : opcode === 0xc4 ? 2 : 3
    if (at + prefixBytes >= limit) return into
    const inner = opcode === 0xc5 ? 1 : code[at]! & (opcode === 0x62 ? 7 : 31)
    at += prefixBytes
    opcode = code[at++]!
    map = -1
    follows = inner === 3 ? modrm | byte : inner === 1 ? twoByte[opcode]! & (modrm | byte) : modrm
  } else if (opcode === 0x0f) {
    if (at >= limit) return into
    opcode = code[at++]!
    map = 1
    follows = twoByte[opcode]!
    if (opcode === 0x38 || opcode === 0x3a) {
      map = opcode === 0x38 ? 2 : 3
      follows = opcode === 0x38 ? modrm : modrm | byte
      if (at >= limit) return into
      opcode = code[at++]!
    }
  } else follows = oneByte[opcode]!
  into.map = map
  into.opcode = opcode
  into.rm = (opcode & 7) | ((rex & 1) << 3)
  if (follows & bad) return into
  if (follows & modrm) {
    if (at >= limit) return into
    const field = code[at++]!
    const mod = field >> 6
    const rm = field & 7
    into.mod = mod
    into.reg = ((field >> 3) & 7) | ((rex & 4) << 1)
    into.rm = rm | ((rex & 1) << 3)
    let distance = mod === 1 ? 1 : mod === 2 ? 4 : 0
    if (mod !== 3 && rm === 4) {
      if (at >= limit) return into
      if (mod === 0 && (code[at]! & 7) === 5) distance = 4
      at++
    } else if (mod === 0 && rm === 5) {
      distance = 4
      if (at + 4 > limit) return into
      into.relative = signed(code, at)
    }
    at += distance
  }
  let size = follows & byte ? 1 : follows & word ? (short && !isNear(map, opcode) ? 2 : 4) : 0
  if (follows & special) size = specialSize(opcode, into.reg, rex, short)
  if (at + size > limit) return into
  if (size === 1) into.immediate = (code[at]! << 24) >> 24
  else if (size === 2) into.immediate = ((code[at]! | (code[at + 1]! << 8)) << 16) >> 16
  else if (size === 4) into.immediate = signed(code, at)
  else if (size === 8 && opcode >= 0xb8 && signed(code, at + 4) === 0) into.immediate = signed(code, at)
  into.length = at + size - start
  return into
}

/** Calls and jumps have distances of 32 bits whatever the prefix. */
function isNear(map: number, opcode: number): boolean {
  return map === 1 || opcode === 0xe8 || opcode === 0xe9
}

function specialSize(opcode: number, reg: number, rex: number, short: boolean): number {
  if (opcode >= 0xb8 && opcode <= 0xbf) return rex & 8 ? 8 : short ? 2 : 4
  if (opcode >= 0xa0 && opcode <= 0xa3) return 8
  if (opcode === 0xc2 || opcode === 0xca) return 2
  if (opcode === 0xc8) return 3
  // TEST is the only one of its group that has an immediate.
  if ((reg & 7) > 1) return 0
  return opcode === 0xf6 ? 1 : short ? 2 : 4
}

function isPrefix(value: number): boolean {
  return (
    value === 0x66 ||
    value === 0x67 ||
    value === 0xf0 ||
    value === 0xf2 ||
    value === 0xf3 ||
    value === 0x2e ||
    value === 0x36 ||
    value === 0x3e ||
    value === 0x26 ||
    value === 0x64 ||
    value === 0x65
  )
}

function signed(code: Uint8Array, at: number): number {
  return code[at]! | (code[at + 1]! << 8) | (code[at + 2]! << 16) | (code[at + 3]! << 24)
}

export function newInstruction(): Instruction {
  return {
    length: 0,
    map: 0,
    opcode: 0,
    wide: false,
    mod: -1,
    reg: -1,
    rm: -1,
    relative: undefined,
    immediate: undefined,
  }
}
