import { once } from 'node:events'
import net from 'node:net'

const loopback = '127.0.0.1'

/** A port of the loopback that nobody listens on. Somebody may before it is used; who asked is then told so. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, loopback)
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Whether nobody listens on a port of the loopback. */
export async function isFree(port: number): Promise<boolean> {
  const server = net.createServer()
  try {
    server.listen(port, loopback)
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
