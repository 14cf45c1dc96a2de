import { once } from 'node:events'
import net from 'node:net'
import type { Address } from '../vmm/vmm.ts'

const longestAnswer = 64

/**
 * Connects with a port of the guest. Over Firecracker's vsock socket the port is asked for by `CONNECT port`, and `OK`
 * says that the guest has taken the connection (firecracker: docs/vsock.md).
 * @returns a socket of which either side may be closed before the other.
 * @throws a system error where nobody takes the connection; the signal's reason when it aborts.
 */
export async function dial(address: Address, signal: AbortSignal): Promise<net.Socket> {
  signal.throwIfAborted()
  const where = 'socket' in address ? { path: address.socket } : { ...address, noDelay: true }
  const socket = net.connect({ ...where, allowHalfOpen: true })
  // An error between here and its use must not end the process.
  socket.on('error', () => {})
  try {
    await once(socket, 'connect', { signal })
    if ('socket' in address) {
      socket.write(`CONNECT ${address.port}\n`)
      await confirmation(socket, signal)
    }
    return socket
  } catch (error) {
    socket.destroy()
    throw signal.aborted ? signal.reason : error
  }
}

/** Reads the line `OK …`, and nothing behind it. */
async function confirmation(socket: net.Socket, signal: AbortSignal): Promise<void> {
  let answer = ''
  while (!answer.endsWith('\n')) {
    const byte = socket.read(1) as Buffer | null
    if (byte) answer += byte.toString('latin1')
    else if (socket.readableEnded || answer.length > longestAnswer) throw refused()
    else await Promise.race([once(socket, 'readable', { signal }), ended(socket)])
  }
  if (!answer.startsWith('OK ')) throw refused()
}

function ended(socket: net.Socket): Promise<never> {
  return once(socket, 'close').then(() => Promise.reject(refused()))
}

function refused(): Error {
  return Object.assign(new Error('the guest does not take the connection'), { code: 'ECONNREFUSED' })
}
