import { createHash } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void

export interface TestServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  base: string
  port: number
  /** Method, path and Range of all requests so far. */
  seen: string[]
  server: http.Server
}

/** A server on a loopback port of its own; `await using` closes it with all its connections. */
export async function serve(handler: Handler): Promise<TestServer> {
  const seen: string[] = []
  const server = http.createServer((request, response) => {
    const range = request.headers.range
    seen.push(`${request.method} ${request.url}${range === undefined ? '' : ` ${range}`}`)
    handler(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    base: `http://127.0.0.1:${port}`,
    port,
    seen,
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers with bytes as a good file server does: Range, If-Range, an entity tag. */
export function fileHandler(bytes: () => Buffer, cutAfter?: () => number | undefined): Handler {
  return (request, response) => {
    const body = bytes()
    const etag = `"${createHash('md5').update(body).digest('hex')}"`
    const same = request.headers['if-range'] === undefined || request.headers['if-range'] === etag
    const match = same ? /^bytes=(\d+)-$/.exec(request.headers.range ?? '') : undefined
    const start = match ? Number(match[1]) : 0
    if (match && start >= body.length) {
      response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end()
      return
    }
    const part = body.subarray(start)
    const headers = { etag, 'content-length': part.length, 'accept-ranges': 'bytes' }
    if (match) {
      response.writeHead(206, {
        ...headers,
        'content-range': `bytes ${start}-${body.length - 1}/${body.length}`,
      })
    } else response.writeHead(200, headers)
    const cut = cutAfter?.()
    if (cut === undefined) response.end(part)
    else response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 20))
  }
}
