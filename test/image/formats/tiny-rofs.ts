/** An image put together from its records, whatever they say. */
export interface TinyRofs {
  entries?: { name: string | Buffer; inode: number | bigint; length?: number | undefined }[]
  links?: { target: string; length?: number }[]
  /** `number` is the place in the list, counted from 1, unless given. */
  inodes: { type: number; start?: number | bigint; count?: number | bigint; number?: number | bigint }[]
  /** What lies between the superblock and the tables, made up to whole blocks. */
  data?: Buffer
  /** Fields of the superblock by their index: magic, version, block size, first block, blocks, three counts. */
  fields?: Record<number, number | bigint>
}

export const type = { directory: 0x4000, file: 0x8000, link: 0xa000 }

/** Builds the image with none of the product's code, so that what one does wrong the other does not repeat. */
export function tinyRofs({
  entries = [],
  links = [],
  inodes,
  data = Buffer.alloc(0),
  fields,
}: TinyRofs): Buffer {
  const tables = Buffer.concat([
    ...entries.flatMap(({ name, inode, length }) => [u64(inode), text(name, length)]),
    ...links.map(({ target, length }) => text(target, length)),
    ...inodes.flatMap(({ type, start = 0, count = 0, number }, i) =>
      [type, number ?? i + 1, start, count].map(u64),
    ),
  ])
  const dataBlocks = Math.ceil(data.length / 512)
  const blocks = Math.ceil(tables.length / 512)
  const image = Buffer.alloc((1 + dataBlocks + blocks) * 512)
  const superblock = [0xdeadbead, 1, 512, 1 + dataBlocks, blocks, entries.length, links.length, inodes.length]
  for (const [i, number] of superblock.entries()) u64(fields?.[i] ?? number).copy(image, 8 * i)
  data.copy(image, 512)
  tables.copy(image, 512 * (1 + dataBlocks))
  return image
}

function text(content: string | Buffer, length?: number): Buffer {
  const bytes = Buffer.from(content)
  const head = Buffer.alloc(2)
  head.writeUInt16LE(length ?? bytes.length)
  return Buffer.concat([head, bytes])
}

function u64(number: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(number))
  return bytes
}
