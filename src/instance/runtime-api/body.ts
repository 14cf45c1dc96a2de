import type { IncomingMessage } from 'node:http'

export type Body = { kind: 'whole'; bytes: Buffer } | { kind: 'too large' } | { kind: 'truncated' }

/**
 * Takes a request's body. One that is too large is still read to its end, so that its sender gets round to hearing of
 * it, but not kept. Never rejects.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Body> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxBytes) chunks = []
      else chunks.push(chunk)
    })
    request.on('end', () => {
      if (!request.complete) resolve({ kind: 'truncated' })
      else if (bytes > maxBytes) resolve({ kind: 'too large' })
      else resolve({ kind: 'whole', bytes: Buffer.concat(chunks) })
    })
    request.on('error', () => resolve({ kind: 'truncated' }))
    request.on('close', () => resolve({ kind: 'truncated' }))
  })
}
