import fs from 'node:fs'
import path from 'node:path'

/** What a machine could leave behind on a host. */
export interface Residue {
  files: string[]
  mounts: number
  descriptors: number
  /** Processes that have to do with the test's folder, whoever their parent is by now. */
  processes: string[]
  /** The namespaces of these that are not ours. */
  namespaces: number
}

/**
 * Looks at what there is on the host; two of these can be compared.
 * @param mark a folder of the test's own: whatever runs for it names it, or sees something of it mounted.
 */
export function residue(mark: string, ...folders: string[]): Residue {
  const running = pids().filter((pid) => pid !== String(process.pid) && mentions(pid, mark))
  return {
    files: folders
      .flatMap(filesBelow)
      .filter((file) => !isAnothers(file))
      .sort(),
    mounts: read('/proc/self/mountinfo').split('\n').length,
    descriptors: fs.readdirSync('/proc/self/fd').length,
    processes: running.map((pid) => read(`/proc/${pid}/comm`).trim()).sort(),
    namespaces: new Set(running.flatMap(namespaces).filter((each) => !namespaces('self').includes(each)))
      .size,
  }
}

/** Tests run side by side, and share a folder where each process has folders of its own. */
function isAnothers(file: string): boolean {
  const owner = /\/\d+-(\d+)-\d+-[0-9a-f]{8}/.exec(file)?.[1]
  return owner !== undefined && owner !== String(process.pid)
}

function filesBelow(folder: string): string[] {
  if (!fs.existsSync(folder)) return []
  return fs.readdirSync(folder, { recursive: true }).map((name) => path.join(folder, String(name)))
}

function pids(): string[] {
  return fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))
}

function mentions(pid: string, mark: string): boolean {
  return read(`/proc/${pid}/cmdline`).includes(mark) || read(`/proc/${pid}/mountinfo`).includes(mark)
}

/** Empty where the process is gone meanwhile, or is not ours to look at. */
function read(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function namespaces(pid: string): string[] {
  return ['mnt', 'pid', 'net'].flatMap((kind) => {
    try {
      return [fs.readlinkSync(`/proc/${pid}/ns/${kind}`)]
    } catch {
      return []
    }
  })
}
