import { once } from 'node:events'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import type { Address } from '../vmm/vmm.ts'
import { framed } from './frames.ts'

const longestAnswer = 64
/** Where the relay listens in a guest that is reached over vsock. */
export const relayPort = 30_054

/**
 * Connects with a port of the guest: by TCP, through a relay beside the guest (see relay/relay.ts), or over
 * Firecracker's vsock socket through a relay in the guest (firecracker: docs/vsock).
 * @returns a stream of which either side may be ended before the other.
 * @throws a system error where nobody takes the connection; the signal's reason when it aborts.
 */
export async function dial(address: Address, signal: AbortSignal): Promise<Duplex> {
  signal.throwIfAborted()
  const where = 'socket' in address ? { path: address.socket } : { ...address, noDelay: true }
  const socket = net.connect({ ...where, allowHalfOpen: true })
  // An error between here and its use must not end the process.
  socket.on('error', () => {})
  try {
    await once(socket, 'connect', { signal })
    if (!('socket' in address)) return socket
    if (address.through === 'relay') {
      await askRelay(socket, address.port, signal)
      return socket
    }
    socket.write(`CONNECT ${relayPort}\n`)
    await hear(socket, /^OK .*\n$/, '\n', signal)
    await askRelay(socket, address.port, signal)
    return framed(socket)
  } catch (error) {
    socket.destroy()
    throw signal.aborted ? signal.reason : error
  }
}

async function askRelay(socket: net.Socket, port: number, signal: AbortSignal): Promise<void> {
  socket.write(Buffer.of(port >> 8, port & 0xff))
  await hear(socket, /^\x01$/, '', signal)
}

/** Reads an answer up to and with its end ('' for a single byte), and nothing behind it. */
function hear(socket: net.Socket, wanted: RegExp, end: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let answer = ''
  function read(): void {
    while ((answer === '' || !answer.endsWith(end)) && answer.length < longestAnswer) {
      const byte = socket.read(1) as Buffer | null
      if (!byte) return
      answer += byte.toString('latin1')
    }
    if (wanted.test(answer)) resolve()
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
