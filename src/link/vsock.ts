import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { makeOwnFolder, removeOwnFolder, runtimeFolder } from '../base/own-folder.ts'
import type { Link } from './link.ts'

/**
 * The link by streams that need no network, and on the host no right: the VMM makes a Unix socket in a folder of ours,
 * and a relay in the guest hands on what comes. A shell removes the folder as soon as its standard input ends: when the
 * link is closed, or ufr is gone.
 * @throws UfrError UFR-DATA where the folder cannot be made.
 */
export async function openVsock(): Promise<Link> {
  const folder = makeOwnFolder(runtimeFolder())
  const remover = spawn('sh', ['-c', 'read -r end; exec rm -rf -- "$1"', 'ufr-vsock', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const gone = once(remover, 'close').catch(() => removeOwnFolder(folder))
  remover.stdin.on('error', () => {})
  const socket = path.join(folder, 'v.sock')
  return {
    kind: 'vsock',
    end: { kind: 'vsock', socket },
    reach: async (_vm, port) => ({ socket, port, through: 'vsock' }),
    async close() {
      remover.stdin.end()
      await gone
    },
  }
}
