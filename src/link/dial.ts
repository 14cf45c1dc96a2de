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
function confirmation(socket: net.Socket, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let answer = ''
  function read(): void {
    while (!answer.endsWith('\n') && answer.length < longestAnswer) {
      const byte = socket.read(1) as Buffer | null
      if (!byte) return
      answer += byte.toString('latin1')
    }
    if (/^OK .*\n$/.test(answer)) resolve()
    else refuse()
  }
  const refuse = () =>
    reject(Object.assign(new Error('the guest does not take the connection'), { code: 'ECONNREFUSED' }))
  const abort = () => reject(signal.reason)
  socket.on('readable', read).on('end', refuse).on('close', refuse)
  signal.addEventListener('abort', abort)
  return promise.finally(() => {
    socket.off('readable', read).off('end', refuse).off('close', refuse)
    signal.removeEventListener('abort', abort)
  })
}
