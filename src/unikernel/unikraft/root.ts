import path from 'node:path'
import { mountView, resolveFile, treeView } from '../../image/closure/file-view.ts'
import { bytesContent } from '../../image/content.ts'
import { readElf } from '../../image/formats/elf/elf.ts'
import { skeleton } from '../../image/skeleton.ts'
import { reading } from '../../image/source.ts'
import type { Tree } from '../../image/tree.ts'
import { type Program, taskFolder } from '../../language/program.ts'
import { guestNetwork } from '../../vmm/machine.ts'
import { startPath } from './command-line.ts'
import { startProgram } from './start.ts'

/** Everything that the guest has: it all becomes files in its memory, where programs may write. */
export function rootTree(program: Program, task: Tree): Tree {
  return (
    skeleton(guestNetwork)
      .merge(program.base.tree())
      .merge(task, taskFolder)
      .file(startPath, bytesContent(startOf(program)), 0o755)
      // The kernel has no /proc; by this link a program finds itself.
      .link('proc/self/exe', program.executable)
  )
}

/** The first program, with what it is to start. */
export function startOf({
  executable,
  interpreter,
  workingDirectory,
  argv,
  cooperativeArgv,
  environment,
}: Program): Buffer {
  // glibc from 2.41 on asks for /proc/self/exe by a system call that the kernel lacks (readlinkat); then it takes this.
  const origin = interpreter === undefined ? {} : { LD_ORIGIN_PATH: path.posix.dirname(executable) }
  return startProgram({
    program: executable,
    folder: workingDirectory,
    argv: cooperativeArgv ?? argv,
    environment: { ...origin, ...environment },
  })
}

/** What decides how much memory a function's start takes, in bytes. */
export interface Needs {
  /** Where a program ends that is linked to an address and cannot be loaded elsewhere; 0 for all others. */
  fixedEnd: number
  /** What the files take of the kernel's heap. */
  heap: number
}

const pageBytes = 4096
const load = 1
const linkedToAnAddress = 2
const known = new WeakMap<Program, Needs>()

/**
 * A file of the root is one piece of the heap (lib/ramfs/ramfs_vnops.c), which deals out powers of two at multiples of
 * themselves, and has notes of its own at its beginning (lib/ukallocbbuddy): so the largest file finds no room before
 * the heap is twice as large as that.
 */
export function needsOf(program: Program): Needs {
  const there = known.get(program)
  if (there) return there
  const base = program.base.tree()
  const sizes = [base, program.task].flatMap((tree) =>
    tree.sorted().map(([, entry]) => (entry.kind === 'file' ? roundedUp(entry.content.size) : pageBytes)),
  )
  const largest = sizes.reduce((one, other) => Math.max(one, other), 0)
  const sum = sizes.reduce((one, other) => one + other, 0)
  const needs = { fixedEnd: fixedEnd(program, base), heap: Math.max(2 * largest, sum) }
  known.set(program, needs)
  return needs
}

function roundedUp(bytes: number): number {
  return Math.max(pageBytes, 2 ** Math.ceil(Math.log2(Math.max(1, bytes))))
}

function fixedEnd({ task, executable }: Program, base: Tree): number {
  const files = mountView(treeView(base), `/${taskFolder}`, treeView(task))
  const file = resolveFile(files, executable)?.entry
  if (!file) return 0
  const { type, programHeaders } = reading(file.open(), readElf)
  if (type !== linkedToAnAddress) return 0
  const ends = programHeaders.map(({ type, address, memorySize }) =>
    type === load ? Number(address + memorySize) : 0,
  )
  return Math.max(0, ...ends)
}
