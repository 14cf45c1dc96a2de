import fs from 'node:fs'
import path from 'node:path'
import { resolveFile, treeView } from '../../image/closure/file-view.ts'
import { inside } from '../../image/folder/link-end.ts'
import { fileSource } from '../../image/source.ts'
import { defaultName } from '../load.ts'
import { rootFiles } from '../root-files.ts'
import { configDefaults, type FunctionConfig } from '../schema.ts'
import type { FunctionSpec, RootFiles, Shape } from '../spec.ts'
import type { Foreign, Overrides } from './foreign.ts'
import { hostFileAt, hostTree, type Placed, type PlacedLink } from './host-tree.ts'
import { listens } from './programs.ts'

/** What a kind has found out about an input. */
export interface Findings {
  /** The input's folder, absolute. */
  folder: string
  /** For people: `files of app/config.json`. */
  title: string
  name?: string | undefined
  /** A runtime of ufr's (`nodejs`, `java21`), or `native`. */
  runtime: string
  /** For `native` the program by its path in the guest; for others just a name. */
  command: string
  args: string[]
  environment: Record<string, string>
  workingDirectory: string
  /** Undefined: a program whose output is its result. */
  port?: number | undefined
  /** Whether it is known to be a server although nothing says on which port. */
  server?: boolean
  memoryMiB?: number | undefined
  cpus?: number | undefined
  placed: readonly (Placed | PlacedLink)[]
  /** A root file system that is there already, instead of `placed`. */
  root?: RootFiles
  /** Folder of the host that programs and libraries come from. */
  sysroot?: string | undefined
  notes: string[]
}

/** A function of what was found, and the ufr.json that says the same. */
export function assemble(found: Findings, overrides: Overrides): Foreign {
  const port = overrides.port ?? found.port
  const shape: Shape = overrides.shape ?? (port !== undefined || found.server ? 'web' : 'program')
  const more = found.sysroot === undefined ? {} : { sysroot: found.sysroot }
  const root = found.root ?? rootFiles(found.title, () => hostTree(found.placed), more)
  const { folder, runtime, command, args, environment, workingDirectory } = found
  const name = found.name === undefined ? defaultName(folder) : defaultName(found.name)
  // The runtime itself is the program of those that ufr has; a port that nobody gave is the one it opens.
  const { command: _, handler: __, ...given } = overrides
  const spec: FunctionSpec = {
    memoryMiB: found.memoryMiB ?? configDefaults.memory,
    cpus: found.cpus ?? configDefaults.cpus,
    timeoutSeconds: configDefaults.timeout,
    network: configDefaults.network,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...{ name, folder, runtime, shape, command, args, environment, workingDirectory },
    ...(port === undefined ? {} : { port }),
    files: [],
    root,
    notes: found.notes,
  }
  const { files, lost } = filesOf(found)
  const config: FunctionConfig = {
    name,
    runtime: runtime as NonNullable<FunctionConfig['runtime']>,
    shape,
    command,
    ...(args.length > 0 && { args }),
    ...(port === undefined ? {} : { port }),
    workingDirectory,
    ...(Object.keys(environment).length > 0 && { environment }),
    ...(found.memoryMiB === undefined ? {} : { memory: found.memoryMiB }),
    ...(found.cpus === undefined ? {} : { cpus: found.cpus }),
    files,
  }
  return { spec, config, lost, hints: hintsOf(spec, found) }
}

/** A server that nobody gave a port would be asked for nothing, and waited for in vain. */
function hintsOf(
  { name, shape, runtime, command }: FunctionSpec,
  { placed, root, sysroot = '/' }: Findings,
): string[] {
  if (shape !== 'program' || runtime !== 'native' || command === undefined) return []
  const ofRoot = root && resolveFile(treeView(root.tree()), command)?.entry
  const file = hostFileAt(placed, command) ?? path.join(sysroot, command)
  const opens = ofRoot ? listens(ofRoot.open()) : isFile(file) && listens(fileSource(file))
  if (!opens) return []
  return [
    `${name} has no port, so its output is its result; but it seems to be a server: name its port, as in --port 8080.`,
  ]
}

function isFile(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true
}

type Files = NonNullable<FunctionConfig['files']>

/** The files as ufr.json has them: those of the folder. */
function filesOf({ folder, placed, sysroot, root }: Findings): { files: Files; lost: string[] } {
  const files: Files = []
  const lost: string[] = []
  if (sysroot !== undefined)
    lost.push(`programs and libraries come from ${sysroot}, and by ufr.json from the host's /`)
  if (root && placed.length === 0 && root.tree().size > 0)
    lost.push(`${root.title}: ufr.json takes files of the folder only`)
  for (const one of placed) {
    if ('link' in one) {
      lost.push(`the link ${one.to} to ${one.link}: make it in the folder, and name it in files`)
    } else if (!inside(one.from, folder)) {
      lost.push(
        `${one.from}, at ${one.to} in the guest: make a link to it in the folder, and name that in files`,
      )
    } else if (one.takes) {
      lost.push(`which files of ${one.from} are taken: name them in files`)
    } else {
      files.push({ from: path.relative(folder, one.from) || '.', to: one.to })
    }
  }
  return { files, lost }
}
