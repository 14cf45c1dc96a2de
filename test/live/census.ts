import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { penned } from './pen.ts'
import { testHome } from './ufr.ts'

/** What there is at a moment, by kind: a line for each thing. */
type Census = Record<string, Set<string>>

/**
 * Counts what a run could leave behind: processes, network interfaces and namespaces, sockets, mounts, files in
 * UFR_HOME and the folders for temporary files, and what this process has open. In a pen it is all there is; outside of
 * one only what cannot be somebody else's.
 */
function take(): Census {
  const own = { open: lines(openFiles()), files: lines(files()) }
  if (!penned) return own
  const { processes, namespaces } = processesAndNamespaces()
  return {
    ...own,
    processes,
    namespaces,
    interfaces: lines(table('/proc/net/dev').map((line) => line.split(':')[0]!)),
    routes: lines(table('/proc/net/route')),
    sockets: sockets(),
    mounts: lines(mounts()),
    cgroups: lines(folders('/sys/fs/cgroup').filter((name) => /ufr|firecracker/.test(name))),
  }
}

/** Gives a check that nothing has been added since: it waits a moment for what is on its way out. */
export function countNow(patienceMs = 5000): () => Promise<void> {
  const before = take()
  return async () => {
    const end = Date.now() + patienceMs
    for (;;) {
      const more = added(before, take())
      if (Object.keys(more).length === 0) return
      if (Date.now() > end) assert.deepEqual(more, {}, 'left behind')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

function added(before: Census, after: Census): Record<string, string[]> {
  const more = Object.entries(after).map(([kind, now]): [string, string[]] => {
    const then = before[kind] ?? new Set()
    return [kind, [...now].filter((one) => !then.has(one))]
  })
  return Object.fromEntries(more.filter(([, found]) => found.length > 0))
}

function processesAndNamespaces(): { processes: Set<string>; namespaces: Set<string> } {
  const processes = new Set<string>()
  const namespaces = new Set<string>(mounts().filter((line) => / nsfs /.test(line)))
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      // One that has ended is there until its parent has asked for its status.
      if (/^State:\s+Z/m.test(fs.readFileSync(`/proc/${name}/status`, 'utf8'))) continue
      processes.add(`${name} ${fs.readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')}`)
      namespaces.add(fs.readlinkSync(`/proc/${name}/ns/net`))
    } catch {
      // It is gone.
    }
  }
  return { processes, namespaces }
}

/** Sockets of all kinds; TCP connections that are only remembered for a while (TIME_WAIT, 06) are none. */
function sockets(): Set<string> {
  const internet = ['tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6'].flatMap((kind) =>
    table(`/proc/net/${kind}`).flatMap((line) => {
      const [, local, remote, state] = line.trim().split(/\s+/)
      return state === '06' ? [] : [`${kind} ${local} ${remote}`]
    }),
  )
  const unix = table('/proc/net/unix').map((line) => `unix ${line.trim().split(/\s+/).slice(6).join(' ')}`)
  const packets = table('/proc/net/packet').map((line) => `packet ${line.trim().split(/\s+/).at(-1)}`)
  // Those of the kernel itself (port 0) come with its modules.
  const netlink = table('/proc/net/netlink').flatMap((line) => {
    const [, , port, ...rest] = line.trim().split(/\s+/)
    return port === '0' ? [] : [`netlink ${rest.at(-1)}`]
  })
  return lines([...internet, ...unix, ...packets, ...netlink])
}

function mounts(): string[] {
  return fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter(Boolean)
}

/** What this process has open, but for the folder that is being read for it. */
function openFiles(): string[] {
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = fs.readlinkSync(`/proc/self/fd/${fd}`)
      return /^\/proc\/\d+\/fd$/.test(target) ? [] : [target]
    } catch {
      return []
    }
  })
}

/**
 * Files and folders that a run could forget. Built images and volumes are kept on purpose, and functions are the tests'
 * own. QEMU makes the overlay of a scratch disk by name and takes the name away at once (block.c,
 * bdrv_append_temp_snapshot): killed in between, it leaves an empty file that nobody else can know of.
 */
function files(): string[] {
  const kept = [
    /(^|\/)(images|volumes)(\/[0-9a-f]{64}\.\w+)?$/,
    /(^|\/)run$/,
    /^ufr-test-\w+(\/|$)/,
    /^vl\.\w{6}$/,
  ]
  const places = [testHome(), ...(penned ? [process.env['TMPDIR']!, '/run', '/dev/shm'] : [])]
  return places.flatMap((place) =>
    tree(place)
      .filter((file) => !kept.some((pattern) => pattern.test(file)))
      .map((file) => path.join(place, file)),
  )
}

/** Paths of all that is below a folder; symbolic links are not followed. */
function tree(folder: string, below = ''): string[] {
  try {
    return fs.readdirSync(path.join(folder, below), { withFileTypes: true }).flatMap((entry) => {
      const name = path.join(below, entry.name)
      return entry.isDirectory() ? [name, ...tree(folder, name)] : [name]
    })
  } catch {
    // It went away meanwhile.
    return []
  }
}

function folders(folder: string): string[] {
  return fs.existsSync(folder) ? fs.readdirSync(folder).map((name) => `${folder}/${name}`) : []
}

/** Lines of a table of proc(5), without its heading. */
function table(file: string): string[] {
  try {
    return fs.readFileSync(file, 'utf8').split('\n').slice(1).filter(Boolean)
  } catch {
    return []
  }
}

/** As a set, with equal lines told apart by their number. */
function lines(list: readonly string[]): Set<string> {
  const seen = new Map<string, number>()
  return new Set(
    list.map((line) => {
      const times = (seen.get(line) ?? 0) + 1
      seen.set(line, times)
      return times === 1 ? line : `${line} (${times})`
    }),
  )
}
