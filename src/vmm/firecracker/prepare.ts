import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { makeOwnFolder, removeOwnFolder, runtimeFolder } from '../../base/own-folder.ts'
import { homePath } from '../../base/paths.ts'
import type { MachineSpec } from '../machine.ts'
import { spawnTied } from '../tied.ts'
import type { LinkEnd } from '../vmm.ts'
import type { Firecracker } from './binary.ts'
import type { MachinePaths } from './configuration.ts'
import { type Fifo, makeFifos, openFifo } from './fifo.ts'
import { type JailFile, jailCommand, letJailRead } from './jail.ts'
import { copyScratch } from './scratch.ts'

/** All that one machine needs, laid out for a Firecracker to be started on it. */
export interface Prepared {
  /** What the guest prints, what Firecracker says, what it counts. */
  pipes: { console: Fifo; log: Fifo; metrics: Fifo }
  /** Where Firecracker finds what the machine is made of. */
  paths: MachinePaths
  /** Starts Firecracker; its API is not there yet. In a jail, descriptor 3 tells its process id. */
  spawn(): ChildProcess
  /** Where its API will be found, once its process id is known. */
  api(pid: number): string
  /** Removes the names of pipes and socket: needed until there is a connection. Safe to call again. */
  removeRuntime(): void
  /** Removes all that has a name: needed until the disks have been opened. Safe to call again. */
  remove(): void
}

/** Longest path of a Unix socket (unix(7), sun_path without its NUL). */
const longestSocket = 107

/** The files that jailer and Firecracker open; what the jailer itself would set is as much. */
const openFiles = 2048

const names = { api: 'ufr-api', log: 'ufr-log', metrics: 'ufr-metrics', sockets: 'sockets' }

/**
 * @param kernel the file to boot; see `bootFile`.
 * @throws UfrError UFR-SOCKET-PATH, UFR-DATA, UFR-COMMAND; nothing is left behind then.
 */
export async function prepareMachine(
  binary: Firecracker,
  spec: MachineSpec,
  kernel: string,
  link: LinkEnd | undefined,
  jailed: boolean,
): Promise<Prepared> {
  const socket = link?.kind === 'vsock' ? path.resolve(link.socket) : undefined
  if (socket !== undefined && !jailed) requireShort(socket)
  const runtime: (() => void)[] = []
  const scratch: (() => void)[] = []
  const run = (steps: (() => void)[]) => {
    for (const step of steps.splice(0)) step()
  }
  const removeRuntime = () => run(runtime)
  const remove = () => {
    removeRuntime()
    run(scratch)
  }
  let pipes: Prepared['pipes'] | undefined
  try {
    const parent = runtimeFolder()
    const folder = makeOwnFolder(parent)
    runtime.push(() => removeOwnFolder(folder))
    const keep = (copies: string) => scratch.push(() => removeOwnFolder(copies))
    // Both are waited for, whatever becomes of one of them: nothing is to be made after it has been removed.
    const [laid, made] = await Promise.allSettled([layDisks(spec, keep), makePipes(folder)])
    if (made.status === 'fulfilled') pipes = made.value
    if (laid.status === 'rejected') throw laid.reason
    if (made.status === 'rejected') throw made.reason
    const disks = laid.value
    const host = { kernel, disks, ...(spec.initrd && { initrd: spec.initrd.file }), socket }
    const args = ['--api-sock', names.api, '--log-path', names.log, '--level', 'Warning']
    args.push('--metrics-path', names.metrics)
    const plan = { binary, spec, folder, pipes: made.value, host, args, link }
    return {
      pipes: made.value,
      ...(jailed ? inJail(plan, parent) : plainly(plan, runtime)),
      removeRuntime,
      remove,
    }
  } catch (error) {
    if (pipes) closePipes(Object.values(pipes))
    remove()
    throw error
  }
}

interface Plan {
  binary: Firecracker
  spec: MachineSpec
  folder: string
  pipes: Prepared['pipes']
  host: { kernel: string; initrd?: string; disks: string[]; socket: string | undefined }
  args: string[]
  link: LinkEnd | undefined
}

type Launch = Pick<Prepared, 'paths' | 'spawn' | 'api'>

/** In its folder, so that paths of sockets are short ones; ours leads through the folder's descriptor. */
function plainly({ binary, folder, pipes, host, args, link }: Plan, cleanup: (() => void)[]): Launch {
  const descriptor = fs.openSync(folder, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
  cleanup.push(() => fs.closeSync(descriptor))
  const { socket, ...files } = host
  return {
    paths: { ...files, ...(socket !== undefined && { vsock: socket }) },
    api: () => `/proc/self/fd/${descriptor}/${names.api}`,
    spawn: () =>
      spawnTied(binary.file, ['--id', 'ufr', ...args], {
        sockets: 0,
        output: pipes.console.writer,
        folder,
        environment: bareEnvironment(),
        // Firecracker makes its table of files as large as it may become, and Node.js has raised the limit.
        openFiles,
        ...(link?.kind === 'tap' && { inside: link }),
      }),
  }
}

/** As seen from its jail: every file is at the root, under a name of its own. */
function inJail({ binary, spec, folder, pipes, host, args, link }: Plan, parent: string): Launch {
  const files: JailFile[] = [
    { host: path.join(folder, names.log), name: names.log, mode: 'read-write' },
    { host: path.join(folder, names.metrics), name: names.metrics, mode: 'read-write' },
  ]
  const show = (file: string, name: string, mode: JailFile['mode']) => {
    if (mode === 'read-only') letJailRead(file)
    files.push({ host: path.resolve(file), name, mode })
    return `/${name}`
  }
  const paths: MachinePaths = {
    kernel: show(host.kernel, 'kernel', 'read-only'),
    ...(host.initrd !== undefined && { initrd: show(host.initrd, 'initrd', 'read-only') }),
    disks: host.disks.map((file, index) => {
      return show(file, `disk${index}`, spec.disks[index]!.mode === 'scratch' ? 'read-write' : 'read-only')
    }),
  }
  if (host.socket !== undefined) {
    files.push({ host: path.dirname(host.socket), name: names.sockets, mode: 'read-write', folder: true })
    paths.vsock = `/${names.sockets}/${path.basename(host.socket)}`
  }
  const base = path.join(fs.realpathSync(parent), 'jail')
  const command = jailCommand({
    jailer: binary.jailer!,
    firecracker: binary.file,
    base,
    table: path.join(folder, 'mounts'),
    files,
    ...(link?.kind === 'tap' && {
      namespace: link.namespace,
      ...(link.group !== undefined && { group: link.group }),
    }),
    args,
  })
  return {
    paths,
    // Nobody else can see into the jail's mounts, so the way leads through the process that lives in it.
    api: (pid) => `/proc/${pid}/root/${names.api}`,
    spawn: () =>
      spawnTied(command.file, command.args, {
        sockets: 1,
        output: pipes.console.writer,
        environment: bareEnvironment(),
      }),
  }
}

function bareEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' }
}

async function makePipes(folder: string): Promise<Prepared['pipes']> {
  const files = ['console', names.log, names.metrics].map((name) => path.join(folder, name))
  await makeFifos(files)
  const made: Fifo[] = []
  try {
    for (const file of files) made.push(openFifo(file))
  } catch (error) {
    closePipes(made)
    throw error
  }
  const [console, log, metrics] = made as [Fifo, Fifo, Fifo]
  return { console, log, metrics }
}

/** Closes pipes that no process was given. */
export function closePipes(pipes: readonly Fifo[]): void {
  for (const pipe of pipes) {
    pipe.release()
    pipe.reader.destroy()
  }
}

/** Disks as they are; for those that the guest may write to, copies in a folder of their own. */
async function layDisks(spec: MachineSpec, made: (folder: string) => void): Promise<string[]> {
  if (!spec.disks.some(({ mode }) => mode === 'scratch')) return spec.disks.map(({ file }) => file)
  const folder = makeOwnFolder(homePath('run'))
  made(folder)
  return Promise.all(
    spec.disks.map(async ({ file, mode }, index) => {
      if (mode === 'read-only') return file
      const copy = path.join(folder, `disk${index}`)
      await copyScratch(file, copy)
      return copy
    }),
  )
}

function requireShort(socket: string): void {
  const bytes = Buffer.byteLength(socket)
  if (bytes <= longestSocket) return
  const why = `${socket} has ${bytes} bytes, and the path of a socket may have ${longestSocket}`
  throw new UfrError('UFR-SOCKET-PATH', why)
}
