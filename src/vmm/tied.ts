import { type ChildProcess, spawn } from 'node:child_process'
import type { Namespaces } from './vmm.ts'

export interface TiedOptions {
  /** How many connected sockets the process gets, at file descriptors 3 and up. */
  sockets: number
  /** Where to run; with no rights to change anything there. */
  inside?: Namespaces
  /** A descriptor of ours to be its standard output; without one there is none. */
  output?: number
  folder?: string
  environment?: NodeJS.ProcessEnv
  /** Most files it may have open. */
  openFiles?: number
}

/**
 * Starts a process that the kernel ends together with this one, however this one ends. `setpriv` sets the signal; the
 * shell then checks that we are still its parent, for a parent that died before the signal was set sends none.
 */
export function spawnTied(file: string, args: string[], options: TiedOptions): ChildProcess {
  const { sockets, inside, output, folder, environment, openFiles } = options
  const limit = openFiles === undefined ? '' : `{ ulimit -n ${openFiles} 2>/dev/null || :; } && `
  const check = `[ "$PPID" = "$0" ] && ${limit}exec "$@"`
  const entered = inside ? enter(inside) : []
  return spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', 'sh', '-c', check, String(process.pid), ...entered, file, ...args],
    {
      stdio: ['ignore', output ?? 'ignore', 'pipe', ...Array<'pipe'>(sockets).fill('pipe')],
      ...(folder !== undefined && { cwd: folder }),
      ...(environment && { env: environment }),
      // A process group of its own: Ctrl-C is for us to handle, and must not reach the VMM first.
      detached: true,
    },
  )
}

/**
 * What starts a program in other namespaces, with no right to change anything there: neither interfaces nor rules. A
 * root in its own namespace keeps the right to read what is somebody else's, such as a user's data under sudo.
 */
function enter({ namespace, userNamespace, group }: Namespaces): string[] {
  const user = userNamespace === undefined ? [] : [`--user=${userNamespace}`, '--preserve-credentials']
  const kept = user.length > 0 ? '-all' : '-all,+dac_override'
  const bounded = user.length > 0 || process.getuid?.() === 0 ? [`--bounding-set=${kept}`] : []
  const groups = group === undefined ? [] : [`--groups=${group}`]
  return [
    ...['nsenter', ...user, `--net=${namespace}`, '--', 'setpriv', ...groups],
    ...['--ambient-caps=-all', '--inh-caps=-all', ...bounded, '--no-new-privs', '--'],
  ]
}
