/** In an observed guest: whoever connects with this port is told what was seen, on the second serial line. */
export const observePort = 5151

/**
 * Functions of the kernel through which every path goes that a program names (fs/namei.c): `do_filp_open` for opening
 * and running files, `filename_lookup` for everything else that is asked of one. The path is read where the kernel has
 * its own copy of it (`struct filename` begins with the pointer): the program's page need not be there yet. A change of
 * folder is seen as the system call, whose first argument is at 112 in `struct pt_regs`.
 */
const probes = [
  'p:ufr/open do_filp_open dfd=$arg1:s32 path=+0(+0($arg2)):string flags=+0($arg3):x32',
  'p:ufr/look filename_lookup dfd=$arg1:s32 path=+0(+0($arg2)):string',
  'p:ufr/cd __x64_sys_chdir path=+0(+112($arg1)):ustring',
]

const tracing = '/sys/kernel/tracing'
/** Per processor; a page-sized name takes a page, the usual one 100 bytes. */
const bufferKiB = 16_384

const againMicroseconds = 300_000

const beginning = 'ufr-observed'
const end = 'ufr-observed-end'

/**
 * What the second stage does before it runs the program: lets the kernel's tracing note every path that the program and
 * its children name. It needs CONFIG_KPROBE_EVENTS, which Debian's kernels have; without it, that is what is told.
 * @param b absolute path of busybox.
 * @param calls whether the guest calls its host and cannot be called: then it tells what it has seen again and again.
 */
export function observeLines(b: string, calls: boolean): string[] {
  const add = probes.map((probe) => `echo '${probe}' >>kprobe_events`)
  // Repeated names are most of it: only the first of each is told, in order.
  const seen = [
    `${b} sed -n 's/^.* \\(open\\|look\\|cd\\): ([^)]*) /\\1 /p' trace`,
    `${b} awk '!seen[$0]++'`,
  ].join(' | ')
  const lost = `${b} grep -h '^overrun: [^0]' per_cpu/cpu*/stats`
  const show = `{ echo ${beginning} "$traced"; ${seen}; ${lost}; echo ${end}; } >/dev/ttyS1`
  const tell = [
    `${b} mkdir /run/ufr-told || return`,
    `[ -z "$again" ] || kill $again`,
    `cd ${tracing} && echo 0 >tracing_on; show`,
  ].join('; ')
  const asked = `{ ${b} nc -l -p ${observePort} </dev/null >/dev/null; tell; } &`
  return [
    `show() { ${show}; }`,
    `tell() { ${tell}; } 2>/dev/null`,
    'traced=no again=',
    `if ${b} mount -t tracefs none ${tracing} && cd ${tracing}; then echo ${bufferKiB} >buffer_size_kb; ` +
      `${add.join(' && ')} && traced=yes; fi`,
    ...(calls
      ? [`{ while ${b} usleep ${againMicroseconds}; do show; done; } &`, 'again=$!']
      : [`[ ! -e /sys/class/net/eth0 ] || ${asked}`]),
    // Only this shell and what it starts from now on.
    'if [ $traced = yes ]; then echo $$ >set_event_pid; echo 1 >options/event-fork; echo 1 >events/ufr/enable; fi',
  ]
}

/** What it does once the program has ended. */
export const tellLine = 'tell'

/** A path that the program named. */
export interface SeenPath {
  /** `open`: opened or run. `look`: asked about, such as by `stat`. `cd`: made the working directory. */
  how: 'open' | 'look' | 'cd'
  path: string
  /** The open folder that a relative path starts from; the working directory where there is none. */
  folder?: number
  /** Whether it was opened as a folder, to see what is in it. */
  listed: boolean
}

export interface Seen {
  paths: SeenPath[]
  /** Whether the kernel could trace at all. */
  traced: boolean
  /** Whether some of it was lost, for there was more than the kernel's buffer holds. */
  lost: boolean
}

const mostPaths = 500_000
const currentFolder = -100 // AT_FDCWD
const directory = 0o200000 // O_DIRECTORY

/** How often all has been told. */
export function timesTold(text: string): number {
  return text.split(`\n${end}`).length - 1
}

/**
 * Reads what an observed guest told. A line that is not as it should be is passed over: a name with a line feed in it
 * is one, and the program could have written to that line itself.
 * @returns undefined where nothing was told.
 */
export function readSeen(text: string): Seen | undefined {
  const all = text.split(/\r?\n/)
  const lines = all.slice(0, all.lastIndexOf(end))
  // What is told again has all that was told before.
  const from = lines.findLastIndex((line) => line.startsWith(`${beginning} `))
  if (from < 0) return undefined
  const seen: Seen = { paths: [], traced: lines[from] === `${beginning} yes`, lost: false }
  for (const line of lines.slice(from + 1)) {
    if (/^overrun: \d+$/.test(line)) seen.lost = true
    const path = readPath(line)
    if (!path) continue
    if (seen.paths.length >= mostPaths) {
      seen.lost = true
      break
    }
    seen.paths.push(path)
  }
  return seen
}

function readPath(line: string): SeenPath | undefined {
  const cd = /^cd path="(.+)"$/.exec(line)
  if (cd) return { how: 'cd', path: cd[1]!, listed: false }
  const match = /^(open|look) dfd=(-?\d+) path="(.+)"(?: flags=0x([0-9a-f]+))?$/.exec(line)
  if (!match) return undefined
  const [, how, dfd, path, flags = '0'] = match
  const folder = Number(dfd)
  return {
    how: how as 'open' | 'look',
    path: path!,
    ...(folder !== currentFolder && !path!.startsWith('/') && { folder }),
    listed: how === 'open' && (Number.parseInt(flags, 16) & directory) !== 0,
  }
}
