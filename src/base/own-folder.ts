import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { dataError } from './atomic.ts'
import { systemCode } from './errors.ts'
import { homePath } from './paths.ts'

/** A foreign owner's folder is left alone this long: what is seen of its owner from here may not be the truth. */
const foreignMs = 24 * 3600_000

/**
 * The folder for what lives only while a machine starts: pipes and sockets. In memory where the host offers that, for
 * not every file system that holds data has pipes and sockets too.
 */
export function runtimeFolder(): string {
  const user = process.getuid?.()
  if (user === 0) return isOwn('/run', user) ? '/run/ufr' : homePath('run')
  const runtime = process.env['XDG_RUNTIME_DIR']
  if (runtime && path.isAbsolute(runtime) && isOwn(runtime, user)) return path.join(runtime, 'ufr')
  return homePath('run')
}

/** Somebody else's folder, which sudo may have left in the environment, would not let its owner in any more. */
function isOwn(folder: string, user: number | undefined): boolean {
  try {
    fs.accessSync(folder, fs.constants.W_OK)
    const stat = fs.statSync(folder)
    return stat.isDirectory() && stat.uid === user
  } catch {
    return false
  }
}

/**
 * Makes a folder of this process's own, which nobody else may look into. Whoever makes it removes it; where that
 * process dies first, the next one that makes a folder there does.
 * @throws UfrError UFR-DATA where it cannot be made.
 */
export function makeOwnFolder(parent: string): string {
  try {
    fs.mkdirSync(parent, { recursive: true })
    sweep(parent)
    const folder = path.join(parent, `${ownName()}-${randomBytes(4).toString('hex')}`)
    fs.mkdirSync(folder, { mode: 0o700 })
    return folder
  } catch (error) {
    throw dataError(error, parent)
  }
}

/** Removes a folder with what is in it. Nothing there is no error. */
export function removeOwnFolder(folder: string): void {
  fs.rmSync(folder, { recursive: true, force: true })
}

/** Names a process so that it can be told from a later one with the same id: PID namespace, id, time of start. */
function ownName(): string {
  return `${pidNamespace()}-${process.pid}-${startTime(process.pid)}`
}

function pidNamespace(): string {
  return fs.readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')
}

/** When a process that lives was started, in clock ticks since the host's boot (proc(5)); undefined where none does. */
function startTime(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name, in which anything may stand.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return /^[ZX]/.test(fields[0]!) ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** Removes what dead processes have left behind. */
function sweep(parent: string): void {
  for (const name of fs.readdirSync(parent)) {
    const owner = /^(\d+)-(\d+)-(\d+)-[0-9a-f]{8}$/.exec(name)
    if (owner && isOver(path.join(parent, name), owner[1]!, Number(owner[2]), owner[3]!)) {
      removeOwnFolder(path.join(parent, name))
    }
  }
}

function isOver(folder: string, namespace: string, pid: number, start: string): boolean {
  if (namespace === pidNamespace()) return startTime(pid) !== start
  try {
    return Date.now() - fs.statSync(folder).mtimeMs > foreignMs
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
