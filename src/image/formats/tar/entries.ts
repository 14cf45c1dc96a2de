import { UfrError } from '../../../base/errors.ts'
import type { ByteSource } from '../../source.ts'
import { blockBytes, type Header, readHeader, roundedUp } from './header.ts'
import { parsePax } from './pax.ts'

/** One entry of an archive as it stands there: what its name means is for whoever reads it to say. */
export interface TarEntry {
  type: 'file' | 'hard link' | 'link' | 'directory' | 'other'
  name: string
  /** Of links of both kinds. */
  target: string
  mode: number
  /** Where a file's data is in the archive. */
  dataAt: number
  size: number
}

/** Longest name, target or extended header that is read: a path has at most 4,096 bytes. */
const maxExtensionBytes = 65_536

/** What goes before an entry to say what its own header has no room for. */
interface Extension {
  path?: string
  target?: string
  size?: number
}

/**
 * The entries of an archive of tar in their order: POSIX.1-1988 (ustar) and -2001 (pax), and GNU's long names.
 * @param text makes a string of a name's bytes, or throws.
 * @throws UfrError UFR-FORMAT for anything else, and where an entry is truncated.
 */
export function* tarEntries(source: ByteSource, text: (bytes: Uint8Array) => string): Generator<TarEntry> {
  let extension: Extension = {}
  for (let at = 0; ; ) {
    const header = readHeader(source, at)
    if (header === undefined) return
    const dataAt = at + blockBytes
    if (header.type === 'x' || header.type === 'L' || header.type === 'K') {
      extension = { ...extension, ...extensionOf(source, dataAt, header, text) }
      at = dataAt + roundedUp(header.size)
      continue
    }
    const size = header.type === 'file' ? (extension.size ?? header.size) : header.size
    const next = dataAt + roundedUp(size)
    if (next > source.size && dataAt + size > source.size)
      throw corruptTar(`the entry at byte ${at} is truncated`)
    at = next
    // One for all entries (`g`) has nothing that matters here, and is none that the one before it could be about.
    if (header.type === 'g') continue
    const name = extension.path ?? text(header.name)
    const target = extension.target ?? text(header.target)
    extension = {}
    yield { type: header.type, name, target, mode: header.mode, dataAt, size }
  }
}

function extensionOf(
  source: ByteSource,
  at: number,
  header: Header,
  text: (bytes: Uint8Array) => string,
): Extension {
  if (header.size > maxExtensionBytes) throw corruptTar(`an extended header of ${header.size} bytes`)
  const bytes = source.read(at, header.size)
  if (header.type === 'x') return fromPax(parsePax(bytes), text)
  const end = bytes.indexOf(0)
  const value = text(end < 0 ? bytes : bytes.subarray(0, end))
  return header.type === 'L' ? { path: value } : { target: value }
}

function fromPax(records: Map<string, Uint8Array>, text: (bytes: Uint8Array) => string): Extension {
  const [path, target, size] = ['path', 'linkpath', 'size'].map((key) => records.get(key))
  if ([...records.keys()].some((key) => key.startsWith('GNU.sparse'))) throw corruptTar('a sparse file')
  const bytes = size && text(size)
  if (bytes !== undefined && !/^\d{1,15}$/.test(bytes)) throw corruptTar('a size that is no number')
  return {
    ...(path && { path: text(path) }),
    ...(target && { target: text(target) }),
    ...(bytes !== undefined && { size: Number(bytes) }),
  }
}

export function corruptTar(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a tar archive that can be read: ${what}`)
}
