import fs from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { bytesContent, contentBytes, fileContent } from '../../../src/image/content.ts'
import type { Layout } from '../../../src/image/layout.ts'
import { Tree } from '../../../src/image/tree.ts'

/** Names that a format may stumble over: before and after `.`, at both ends of what is allowed, not only ASCII. */
const oddNames = [
  '+',
  '-x',
  '.a',
  '..a',
  '...',
  '.-',
  '~',
  ' ',
  'ü',
  '日本',
  '😀',
  'n'.repeat(255),
  'é'.repeat(127),
]
const name = fc.oneof(
  fc.constantFrom(...oddNames),
  fc.stringMatching(/^[a-d]{1,2}$/),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    .filter((text) => !/[/\0]|^\.{1,2}$/.test(text) && text.isWellFormed() && Buffer.byteLength(text) <= 255),
)
const size = fc.oneof(
  fc.constantFrom(0, 1, 31, 32, 33, 4031, 4032, 4063, 4064, 4065, 4095, 4096, 4097, 8191, 8192, 8193),
  fc.integer({ min: 0, max: 9000 }),
)
const target = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }).filter((text) => !text.includes('\0')),
  fc.constantFrom('x', 'y'.repeat(4063), 'y'.repeat(4064), 'y'.repeat(4065), 'y'.repeat(4095)),
)
const mode = fc.integer({ min: 0, max: 0o7777 })
const step = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
  kind: fc.constantFrom('file', 'file', 'directory', 'link'),
  mode,
  size,
  target,
})

/** Any tree of up to `maxLength` entries and their parents. */
export function anyTree(maxLength: number): fc.Arbitrary<Tree> {
  return fc.array(step, { maxLength }).map((steps) => {
    const tree = new Tree()
    for (const { path, kind, mode, size, target } of steps) {
      try {
        if (kind === 'file') tree.file(path, bytesContent(pattern(size)), mode)
        else if (kind === 'directory') tree.directory(path, mode)
        else tree.link(path, target)
      } catch (error) {
        // A path below a file: the tree stays as it was.
        if (!(error instanceof UfrError)) throw error
      }
    }
    return tree
  })
}

/** Bytes without a short period, different for each size. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let i = 0, state = size + 1; i < size; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** A tree as plain data, for comparison; modes can be left out. */
export function listed(tree: Tree, modes = true): unknown[] {
  return tree.sorted().map(([path, entry]) => {
    if (entry.kind === 'link') return [path, entry.target]
    const mode = modes ? entry.mode.toString(8) : ''
    return entry.kind === 'file' ? [path, mode, contentBytes(entry.content).toString('base64')] : [path, mode]
  })
}

/** What is wrong with the order or the bounds of a layout's pieces, if anything. */
export function layoutFault(layout: Layout): string | undefined {
  let end = 0
  for (const { offset, content } of layout.pieces) {
    if (offset < end) return `a piece at ${offset} starts before ${end}`
    end = offset + content.size
  }
  return end > layout.size ? `the last piece ends at ${end} of ${layout.size}` : undefined
}

/** Writes a tree into a folder of the host. */
export function toFolder(tree: Tree, folder: string): void {
  fs.mkdirSync(folder, { recursive: true })
  for (const [name, entry] of tree.sorted()) {
    const file = path.join(folder, name)
    if (entry.kind === 'directory') fs.mkdirSync(file)
    else if (entry.kind === 'link') fs.symlinkSync(entry.target, file)
    else fs.writeFileSync(file, contentBytes(entry.content))
  }
  // Last, for a directory may forbid what comes into it, and after the owner's umask.
  for (const [name, entry] of tree.sorted().reverse()) {
    if (entry.kind !== 'link') fs.chmodSync(path.join(folder, name), entry.mode)
  }
}

/** Reads a folder of the host into a tree. */
export function fromFolder(folder: string): Tree {
  const tree = new Tree()
  const add = (below: string) => {
    for (const name of fs.readdirSync(path.join(folder, below))) {
      const there = below ? `${below}/${name}` : name
      const file = path.join(folder, there)
      const stat = fs.lstatSync(file)
      if (stat.isSymbolicLink()) tree.link(there, fs.readlinkSync(file))
      else if (stat.isDirectory()) {
        tree.directory(there, stat.mode & 0o7777)
        add(there)
      } else tree.file(there, fileContent(file, stat.size), stat.mode & 0o7777)
    }
  }
  add('')
  return tree
}

/** Runs a reader on bytes that may be anything: it must end, with a result or with UFR-FORMAT. */
export function endsWell(read: () => Tree): void {
  try {
    for (const [, entry] of read().sorted()) {
      if (entry.kind === 'file') for (const _ of entry.content.chunks());
    }
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
  }
}

/** Bytes made from valid ones: some changed, perhaps cut short; `near` are offsets where a change does most. */
export function mutated(valid: Uint8Array, near: number): fc.Arbitrary<Buffer> {
  const at = fc.oneof(fc.nat(near - 1), fc.nat(valid.length - 1))
  const change = fc.tuple(at, fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)))
  return fc
    .record({
      changes: fc.array(change, { minLength: 1, maxLength: 8 }),
      keep: fc.option(fc.nat(valid.length), { freq: 4 }),
    })
    .map(({ changes, keep }) => {
      const bytes = Buffer.from(valid)
      for (const [offset, value] of changes) bytes[offset] = value
      return bytes.subarray(0, keep ?? bytes.length)
    })
}
