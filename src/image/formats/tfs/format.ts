import { UfrError } from '../../../base/errors.ts'

/** Facts of the format as Nanos has them in src/fs/tlog.c, src/fs/tfs.c, src/runtime/tuple.c and src/config.h. */
export const magic = Buffer.from('NVMTFS')
export const version = 5
/** Images of old versions of ops: another value header, no vectors, integers, or typed strings. Read only. */
export const oldVersion = 4
export const sectorBytes = 512
/** The first part of the log; it lies at the start of the file system. */
export const firstLogBytes = sectorBytes
/** Every further part. The kernel takes other sizes too, the reader in ops takes no other. */
export const logExtensionBytes = 512 * 1024
export const uuidBytes = 16
/** With the NUL behind it. */
export const maxLabelBytes = 32

export const frame = {
  endOfLog: 1,
  tupleAvailable: 2,
  tupleExtended: 3,
  endOfSegment: 4,
  extensionLink: 5,
} as const

export const type = { buffer: 0, tuple: 1, vector: 2, integer: 3, string: 4 } as const

const maxVarintBytes = 10
/** What the kernel keeps free at the end of a part of the log: a link to the next one, and a frame's header. */
export const linkBytes = 1 + 2 * maxVarintBytes
export const frameHeaderBytes = 1 + 2 * maxVarintBytes

/** Longest path, as in PATH_MAX of the kernel, which counts the leading slash and the NUL. */
export const maxPathBytes = 4094
/** How many directories the reader takes in each other; tuples nest twice as deep. */
export const maxDirectoryDepth = 200
/** How deep tuples and vectors may nest in one record of the log. */
export const maxValueDepth = 2 * maxDirectoryDepth + 16

/** A tuple's value: integers are numbers where a number holds them exactly; null is present but says nothing. */
export type Value = string | number | bigint | null | Value[] | Tuple
export type Tuple = Map<string, Value>

export function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a TFS file system, or a corrupt one: ${what}`)
}

export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment
}
