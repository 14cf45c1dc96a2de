/** An entry of an archive made by hand, for what no program writes. */
export interface TarEntry {
  name: string | Buffer
  type?: string
  data?: string | Buffer
  target?: string
  mode?: number
  /** In place of the data's real size. */
  size?: number
  prefix?: string
  /** Changes the header after its checksum was made, or before (`early`). */
  spoil?(header: Buffer): void
  early?(header: Buffer): void
}

/** An archive of tar in POSIX's format. */
export function tinyTar(entries: TarEntry[], end = 1024): Buffer {
  return Buffer.concat([...entries.flatMap(entryBytes), Buffer.alloc(end)])
}

function entryBytes({ name, type = '0', data = '', target = '', mode = 0o644, ...rest }: TarEntry): Buffer[] {
  const content = Buffer.from(data)
  const header = Buffer.alloc(512)
  Buffer.from(name).copy(header, 0, 0, 100)
  octal(header, 100, 8, mode)
  octal(header, 108, 8, 1000)
  octal(header, 116, 8, 1000)
  octal(header, 124, 12, rest.size ?? content.length)
  octal(header, 136, 12, 1_700_000_000)
  header.write(type, 156, 'latin1')
  header.write(target, 157, 100, 'utf8')
  header.write('ustar\x0000', 257, 'latin1')
  header.write(rest.prefix ?? '', 345, 155, 'utf8')
  rest.early?.(header)
  header.fill(0x20, 148, 156)
  octal(
    header,
    148,
    8,
    header.reduce((sum, byte) => sum + byte, 0),
  )
  rest.spoil?.(header)
  return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]
}

function octal(header: Buffer, at: number, width: number, value: number): void {
  header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1')
}

/** The data of an extended header of POSIX.1-2001. */
export function pax(records: Record<string, string>): string {
  return Object.entries(records)
    .map(([key, value]) => record(` ${key}=${value}\n`))
    .join('')
}

function record(rest: string): string {
  const bytes = Buffer.byteLength(rest)
  let length = bytes + 1
  while (String(length).length + bytes !== length) length = String(length).length + bytes
  return `${length}${rest}`
}
