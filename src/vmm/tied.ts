import { type ChildProcess, spawn } from 'node:child_process'

export interface TiedOptions {
  /** How many connected sockets the process gets, at file descriptors 3 and up. */
  sockets: number
  /** Path of the network namespace to run in. */
  namespace?: string
}

/**
 * Starts a process that the kernel ends together with this one, however this one ends. `setpriv` sets the signal; the
 * shell then checks that we are still its parent, for a parent that died before the signal was set sends none.
 */
export function spawnTied(file: string, args: string[], { sockets, namespace }: TiedOptions): ChildProcess {
  const check = '[ "$PPID" = "$0" ] && exec "$@"'
  const inside = namespace === undefined ? [] : ['nsenter', `--net=${namespace}`, '--']
  return spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', 'sh', '-c', check, String(process.pid), ...inside, file, ...args],
    {
      stdio: ['ignore', 'ignore', 'pipe', ...Array<'pipe'>(sockets).fill('pipe')],
      // A process group of its own: Ctrl-C is for us to handle, and must not reach the VMM first.
      detached: true,
    },
  )
}
