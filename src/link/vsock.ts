import path from 'node:path'
import { callPort } from '../vmm/machine.ts'
import { framed } from './frames.ts'
import type { Answer, Link } from './link.ts'
import { makeSocketFolder } from './socket-folder.ts'

/**
 * The link by streams that need no network, and on the host no right: the VMM makes a Unix socket in a folder of ours,
 * and a relay in the guest hands on what comes. For a guest that calls, another relay there hands on its calls; the VMM
 * takes them to a socket of ours beside its own, of the same name with the port (firecracker: docs/vsock).
 * @throws UfrError UFR-DATA where the folder cannot be made.
 */
export async function openVsock(answer?: Answer): Promise<Link> {
  const folder = makeSocketFolder()
  const socket = path.join(folder.path, 'v.sock')
  try {
    const name = `${path.basename(socket)}_${callPort}`
    if (answer) await folder.listen(name, (call) => answer(framed(call)))
  } catch (error) {
    await folder.remove()
    throw error
  }
  return {
    kind: 'vsock',
    end: { kind: 'vsock', socket },
    reach: async (_vm, port) => ({ socket, port, through: 'vsock' }),
    close: folder.remove,
  }
}
