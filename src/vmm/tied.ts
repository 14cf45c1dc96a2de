import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Starts a process that the kernel ends together with this one, however this one ends. `setpriv` sets the signal; the
 * shell then checks that we are still its parent, for a parent that died before the signal was set sends none.
 * @param sockets how many connected sockets the process gets, at file descriptors 3 and up.
 */
export function spawnTied(file: string, args: string[], sockets: number): ChildProcess {
  const check = '[ "$PPID" = "$0" ] && exec "$@"'
  return spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', 'sh', '-c', check, String(process.pid), file, ...args],
    {
      stdio: ['ignore', 'ignore', 'pipe', ...Array<'pipe'>(sockets).fill('pipe')],
      // A process group of its own: Ctrl-C is for us to handle, and must not reach the VMM first.
      detached: true,
    },
  )
}
