import { UfrError } from '../../../base/errors.ts'
import type { ByteSource } from '../../source.ts'
import type { ElfFile } from './elf.ts'

/** One note of a PT_NOTE segment (System V ABI, "Note Section"). */
export interface ElfNote {
  name: string
  type: number
  /** Where in the file the type stands: 32 bits, little endian. */
  typeOffset: number
}

/** XEN_ELFNOTE_PHYS32_ENTRY: where a kernel is entered by PVH (Xen's "x86/HVM direct boot ABI"). */
export const pvhNoteType = 18

const noteSegment = 4
const headerBytes = 12
const maxSegments = 16
const maxSegmentBytes = 1 << 20
const maxNotes = 4096
const maxNameBytes = 256

/**
 * The notes of a little-endian file, segment by segment. Names and descriptors are aligned to 4 bytes, as the kernel
 * loaders of VMMs have it, whatever the segment says.
 * @throws UfrError UFR-FORMAT for notes that reach out of their segment or the file, or beyond the limits.
 */
export function readNotes(source: ByteSource, elf: ElfFile): ElfNote[][] {
  const segments = elf.programHeaders.filter(({ type }) => type === noteSegment)
  if (segments.length > maxSegments) throw corrupt(`${segments.length} segments of notes`)
  return segments.map(({ offset, fileSize }) => {
    if (fileSize > maxSegmentBytes) throw corrupt(`${fileSize} bytes of notes`)
    return segmentNotes(source.read(offset, fileSize), offset)
  })
}

function segmentNotes(bytes: Uint8Array, offset: number): ElfNote[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const notes: ElfNote[] = []
  for (let at = 0; at < bytes.length; ) {
    if (at + headerBytes > bytes.length) throw corrupt('a note is cut off')
    const [nameBytes, valueBytes] = [view.getUint32(at, true), view.getUint32(at + 4, true)]
    const valueAt = at + headerBytes + aligned(nameBytes)
    if (valueAt + valueBytes > bytes.length) throw corrupt('a note reaches out of its segment')
    if (nameBytes > maxNameBytes || notes.length === maxNotes) throw corrupt('notes beyond all measure')
    const name = Buffer.from(bytes.subarray(at + headerBytes, at + headerBytes + nameBytes)).toString(
      'latin1',
    )
    notes.push({
      name: name.replace(/\0$/, ''),
      type: view.getUint32(at + 8, true),
      typeOffset: offset + at + 8,
    })
    at = valueAt + aligned(valueBytes)
  }
  return notes
}

/** Whether a note says where the kernel is entered by PVH. */
export function isPvhNote({ name, type }: ElfNote): boolean {
  return name === 'Xen' && type === pvhNoteType
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 4) * 4
}

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `corrupt ELF file: ${what}`)
}
