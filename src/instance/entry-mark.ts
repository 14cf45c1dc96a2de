import fs from 'node:fs'
import { UfrError } from '../base/errors.ts'
import { mountView, resolveFile, treeView } from '../image/closure/file-view.ts'
import { contentBytes } from '../image/content.ts'
import { digestOf } from '../image/digest.ts'
import { type EntryStub, entryStub } from '../image/formats/elf/entry-stub.ts'
import { entryStubCode } from '../image/formats/elf/entry-stub-code.ts'
import { patchedContent } from '../image/patched.ts'
import { type ByteSource, bytesSource, withSource } from '../image/source.ts'
import { type FileEntry, Tree } from '../image/tree.ts'
import { type Base, type Program, taskFolder } from '../language/program.ts'

/** Raise it when files are marked in another way: bases with marked files in the store no longer fit then. */
const formatVersion = 'entry mark 1'

/** Files up to this size are read as a whole, which is cheaper than looking for each part of them. */
const wholeBytes = 1 << 20

/**
 * The program with a file that tells when it begins: its dynamic linker, whose first instruction is the first of all
 * that runs, or where it has none the program itself. What has no room for that stays as it is.
 * @param descriptor where it is told, in the guest.
 */
export function withEntryMark(program: Program, descriptor: number): Program {
  const file = program.interpreter ?? program.executable
  const entryMark = { descriptor, file, plain: program }
  const inTask = resolveFile(mountView(treeView(new Tree()), task, treeView(program.task)), file)?.path
  if (inTask !== undefined) {
    const marked = markedTree(program.task, inTask.slice(task.length + 1), descriptor)
    return marked ? { ...program, task: marked, entryMark } : program
  }
  if (program.base.topLevel.length === 0) return program
  return { ...program, base: markedBase(program, file, descriptor), entryMark }
}

const task = `/${taskFolder}`

/** The program without the mark, as upstream's own tools are given it. */
export function withoutEntryMark(program: Program): Program {
  return program.entryMark?.plain ?? program
}

/** A base is looked into only where no volume of it is there yet: so whether there is room for a mark is seen then. */
function markedBase({ base, task: own }: Program, file: string, descriptor: number): Base {
  const code = entryStubCode.toString('base64')
  return {
    ...base,
    key: digestOf(formatVersion, base.key, file, String(descriptor), code),
    tree() {
      const tree = base.tree()
      const path = resolveFile(mountView(treeView(tree), task, treeView(own)), file)?.path
      return (path !== undefined && markedTree(tree, path.slice(1), descriptor)) || tree
    },
  }
}

function markedTree(tree: Tree, path: string, descriptor: number): Tree | undefined {
  const entry = tree.get(path)
  const marked = entry?.kind === 'file' && markedFile(entry, descriptor)
  return marked ? new Tree().merge(tree).set(path, marked) : undefined
}

function markedFile(entry: FileEntry, descriptor: number): FileEntry | undefined {
  const stub = stubFor(entry, descriptor)
  if (!stub) return undefined
  return { ...entry, content: patchedContent(entry.content, stub.patches, stub.size) }
}

function stubFor({ content }: FileEntry, descriptor: number): EntryStub | undefined {
  const read = (source: ByteSource) => entryStub(source, descriptor)
  try {
    const direct = content.source?.()
    if (direct) return read(direct)
    const { file, size } = content
    const large = size > wholeBytes && file !== undefined
    if (large && fs.statSync(file, { throwIfNoEntry: false })?.size === size) return withSource(file, read)
    return read(bytesSource(contentBytes(content)))
  } catch (error) {
    // A kernel may take what this reader does not.
    if (error instanceof UfrError && error.code === 'UFR-FORMAT') return undefined
    throw error
  }
}
