import fs from 'node:fs'
import path from 'node:path'
import { resolveFile, treeView } from '../../../image/closure/file-view.ts'
import { contentBytes } from '../../../image/content.ts'
import { readCpio } from '../../../image/formats/cpio/reader.ts'
import { fileSource } from '../../../image/source.ts'
import { Tree } from '../../../image/tree.ts'
import { opensServer } from '../../javascript.ts'
import { rootFiles } from '../../root-files.ts'
import { assemble, type Findings } from '../assemble.ts'
import type { Foreign, Overrides } from '../foreign.ts'
import { hostTree, type Placed } from '../host-tree.ts'
import { runtimeOfProgram } from '../programs.ts'
import { inputError, type TextFile } from '../text.ts'
import { type Kraftfile, readKraft } from './read.ts'

interface Root {
  tree: Tree
  placed: Placed[]
  title: string
  isArchive: boolean
}

/**
 * A function of a Kraftfile: `cmd` in `rootfs`. Where `rootfs` lacks a program that ufr has a runtime for, as with
 * `runtime: node:21`, that runtime is taken.
 * @throws UfrError UFR-INPUT naming file and line of what ufr cannot do.
 */
export function loadKraft(file: TextFile, overrides: Overrides): Foreign {
  const kraft = readKraft(file)
  const folder = path.resolve(path.dirname(file.file))
  const root = rootOf(file, kraft, folder)
  const [program, ...args] =
    overrides.command === undefined ? kraft.command : [overrides.command, ...kraft.command.slice(1)]
  if (program === undefined) throw noCommand(file, kraft)
  const guest = path.posix.resolve('/', program)
  const own = resolveFile(treeView(root.tree), guest) !== undefined
  const runtime = own ? undefined : runtimeOfProgram(program)
  const notes = [...kraft.notes]
  if (runtime) notes.push(`${program} is not in the rootfs: ufr's own ${runtime.runtime} is taken.`)
  const script = runtime?.runtime === 'nodejs' ? scriptIn(root.tree, args) : undefined
  const title = root.title
  const findings: Findings = {
    folder,
    name: kraft.name,
    title,
    runtime: runtime?.runtime ?? 'native',
    command: runtime?.command ?? guest,
    args,
    environment: kraft.environment,
    workingDirectory: '/',
    server: script !== undefined && opensServer(script),
    placed: root.placed,
    root: rootFiles(title, () => root.tree, { whole: runtime === undefined && kraft.rootfs !== undefined }),
    notes,
  }
  return assemble(findings, overrides)
}

function noCommand(file: TextFile, { buildsKernel, runtime }: Kraftfile) {
  const what = buildsKernel
    ? 'this Kraftfile builds a kernel with the program in it, and names no program of its own (cmd)'
    : `nothing says which program runs: there is no cmd${runtime === undefined ? '' : `, and what ${runtime} runs by itself is in its image`}`
  const fix = buildsKernel
    ? 'Build it with kraft; ufr starts programs on kernels that are built already. Or name one: --command.'
    : 'Write cmd: ["/path/in/rootfs", "argument"], or name the program by --command.'
  return inputError(file, 0, what, { fix })
}

function rootOf(file: TextFile, { rootfs, runtime }: Kraftfile, folder: string): Root {
  if (!rootfs) {
    // Without files, only a runtime of ufr's can be meant.
    return { tree: new Tree(), placed: [], title: runtime ?? 'no files', isArchive: false }
  }
  const from = path.resolve(folder, rootfs.path)
  const stat = fs.statSync(from, { throwIfNoEntry: false })
  const name = path.basename(from)
  if (/dockerfile/i.test(name)) {
    const fix = `Build it and give the files: docker build --output rootfs -f ${rootfs.path} . and then rootfs: ./rootfs; or give ufr the image itself (docs/inputs.md).`
    throw inputError(file, rootfs.at, `rootfs is ${rootfs.path}, and ufr runs no Dockerfile`, { fix })
  }
  const title = `rootfs ${rootfs.path}`
  if (stat?.isDirectory()) {
    const placed = [{ from, to: '/' }]
    return { tree: hostTree(placed), placed, title, isArchive: false }
  }
  if (!stat?.isFile()) {
    const isImage = !/^[./]/.test(rootfs.path) && rootfs.path.includes(':')
    const fix = isImage
      ? 'Give ufr the image itself (docs/inputs.md).'
      : 'Correct the path, or make the folder.'
    throw inputError(file, rootfs.at, `rootfs: there is no ${from}`, { fix })
  }
  return { tree: readCpio(fileSource(from)).tree, placed: [], title, isArchive: true }
}

function scriptIn(tree: Tree, args: readonly string[]): string | undefined {
  const name = args.find((arg) => !arg.startsWith('-'))
  const file = name === undefined ? undefined : resolveFile(treeView(tree), path.posix.resolve('/', name))
  if (!file || file.entry.content.size > 4 << 20) return undefined
  return contentBytes(file.entry.content).toString()
}
