import { UfrError } from '../../base/errors.ts'
import { startCode } from './start-code.ts'

/** How a program is to be started. Paths are absolute, in the guest. */
export interface Start {
  program: string
  folder: string
  /** The first is the program's own name. */
  argv: readonly string[]
  environment: Readonly<Record<string, string>>
}

const pageBytes = 4096
const headerBytes = 64
const programHeaderBytes = 56
const codeAt = headerBytes + 2 * programHeaderBytes
/** start.S: `argc` and what follows, up to `interpreter` with its 256 bytes. */
const fieldsAt = 24
const vectorAt = 56 + 256
/** Linux gives a program 2 MiB of arguments and environment (a quarter of its stack of 8 MiB), and so do we. */
const maxBytes = 2 << 20

/**
 * The guest's first program (start.S) with what it is to start. So nothing of a function has to go through the kernel's
 * command line, which ends at 2,048 bytes on Firecracker, takes 60 words and no empty one, 8 variables, and none of
 * those that the kernel was built with.
 * @throws UfrError UFR-IMAGE-LIMIT for arguments and environment of more than 2 MiB, or with a NUL in them.
 */
export function startProgram(start: Start): Buffer {
  const data = dataOf(start)
  const code = Buffer.concat([fileHeader(), ...programHeaders(data.length), startCode])
  return Buffer.concat([code, Buffer.alloc(pageBytes - code.length), data])
}

function dataOf({ program, folder, argv, environment }: Start): Buffer {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const listed = [...argv, ...variables]
  const fields = Buffer.alloc(vectorAt + 8 * listed.length)
  const texts: Buffer[] = []
  let at = fields.length
  /** @returns where the text will be. */
  const add = (text: string): bigint => {
    const offset = at
    texts.push(checked(text))
    at += texts.at(-1)!.length
    return BigInt(offset)
  }
  const numbers = [BigInt(argv.length), BigInt(variables.length), add(program), add(folder)]
  for (const [index, number] of numbers.entries()) fields.writeBigUInt64LE(number, fieldsAt + 8 * index)
  for (const [index, text] of listed.entries()) fields.writeBigUInt64LE(add(text), vectorAt + 8 * index)
  if (at > maxBytes) {
    throw new UfrError('UFR-IMAGE-LIMIT', `arguments and environment have ${at} bytes, more than ${maxBytes}`)
  }
  return Buffer.concat([fields, ...texts])
}

function checked(text: string): Buffer {
  if (!text.includes('\0')) return Buffer.from(`${text}\0`)
  throw new UfrError('UFR-IMAGE-LIMIT', `${JSON.stringify(text)} has a NUL, which no program can be given`)
}

/** elf(5): a program that can be loaded anywhere. */
function fileHeader(): Buffer {
  const bytes = Buffer.alloc(headerBytes)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0)
  bytes.writeUInt16LE(3, 16) // ET_DYN
  bytes.writeUInt16LE(62, 18) // EM_X86_64
  bytes.writeUInt32LE(1, 20)
  bytes.writeBigUInt64LE(BigInt(codeAt), 24)
  bytes.writeBigUInt64LE(BigInt(headerBytes), 32)
  bytes.writeUInt16LE(headerBytes, 52)
  bytes.writeUInt16LE(programHeaderBytes, 54)
  bytes.writeUInt16LE(2, 56)
  return bytes
}

function programHeaders(dataBytes: number): Buffer[] {
  const readable = 4
  return [
    programHeader(readable | 1, 0, codeAt + startCode.length),
    programHeader(readable | 2, pageBytes, dataBytes),
  ]
}

function programHeader(flags: number, at: number, bytes: number): Buffer {
  const header = Buffer.alloc(programHeaderBytes)
  header.writeUInt32LE(1, 0) // PT_LOAD
  header.writeUInt32LE(flags, 4)
  for (const offset of [8, 16, 24]) header.writeBigUInt64LE(BigInt(at), offset)
  for (const offset of [32, 40]) header.writeBigUInt64LE(BigInt(bytes), offset)
  header.writeBigUInt64LE(BigInt(pageBytes), 48)
  return header
}
