import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { readText } from '../../base/text.ts'
import type { Shape } from '../../function/spec.ts'
import type { GuestRequest } from '../../link/http.ts'

/** Something to ask a function for. */
export interface TestEvent {
  /** For people: the file's path in the folder, or what was given. */
  name: string
  /** For a handler: JSON. */
  event: Buffer
  /** For a web function. */
  request: GuestRequest
}

/** Where the AWS SAM layout has a function's test events. */
const folderName = 'events'
const mostEvents = 100
/** AWS's limit for an event. */
const maxBytes = 6 << 20
const methods = /^[A-Z]{1,16}$/
const paths = /^\/[\x21-\x7e]*$/

/**
 * What to ask a function for: what the command line gives, else the files `events/*.json` of its folder in their order,
 * else the default of `ufr run`: the event {} and the path /.
 * @throws UfrError UFR-CONFIG for an event file that is no JSON, or is no request although the function is a web server.
 */
export function testEvents(
  folder: string,
  shape: Shape,
  given: { event?: Buffer | undefined; request?: string | undefined },
): TestEvent[] {
  const root: GuestRequest = { method: 'GET', path: '/' }
  const empty = Buffer.from('{}')
  if (shape === 'program') return [{ name: 'its start', event: empty, request: root }]
  if (given.event) return [{ name: '--event', event: given.event, request: root }]
  if (given.request !== undefined) {
    const request = { ...root, path: given.request }
    return [{ name: given.request, event: empty, request }]
  }
  const files = eventFiles(folder)
  if (files.length > 0) return files.map((name) => fromFile(folder, name, shape))
  return [{ name: shape === 'web' ? 'GET /' : 'the event {}', event: empty, request: root }]
}

function eventFiles(folder: string): string[] {
  const at = path.join(folder, folderName)
  if (!fs.statSync(at, { throwIfNoEntry: false })?.isDirectory()) return []
  const names = fs.readdirSync(at).filter((name) => name.endsWith('.json') && !name.startsWith('.'))
  if (names.length > mostEvents) {
    throw new UfrError('UFR-CONFIG', `${at} has ${names.length} events, more than ${mostEvents}`, {
      fix: 'Keep those that differ in what they make the function do.',
    })
  }
  return names.sort().map((name) => `${folderName}/${name}`)
}

function fromFile(folder: string, name: string, shape: Shape): TestEvent {
  const file = path.join(folder, name)
  const content = readText(file, 'UFR-CONFIG', maxBytes) ?? ''
  let value: unknown
  try {
    value = JSON.parse(content)
  } catch (cause) {
    throw new UfrError('UFR-CONFIG', `the event ${file} is no JSON: ${(cause as Error).message}`, { cause })
  }
  const request = requestOf(value)
  if (shape === 'web' && !request) {
    throw new UfrError('UFR-CONFIG', `the event ${file} is no request`, {
      fix: 'A web function wants events as API Gateway makes them: { "httpMethod": "GET", "path": "/" }.',
    })
  }
  return { name, event: Buffer.from(content), request: request ?? { method: 'GET', path: '/' } }
}

/** The request of an event as API Gateway makes them of either format (AWS's `payload format version`). */
export function requestOf(event: unknown): GuestRequest | undefined {
  const value = record(event)
  const context = record(record(value['requestContext'])['http'])
  const at = text(value['path']) ?? text(value['rawPath']) ?? text(context['path'])
  const method = text(value['httpMethod']) ?? text(context['method']) ?? 'GET'
  const query = text(value['rawQueryString']) ?? queryOf(record(value['queryStringParameters']))
  if (at === undefined) return undefined
  const path = query ? `${at}?${query}` : at
  if (!paths.test(path) || !methods.test(method)) return undefined
  const pairs = Object.entries(record(value['headers'])).filter(([name]) => isHeader(name))
  const headers = Object.fromEntries(pairs.flatMap(([name, each]) => (isText(each) ? [[name, each]] : [])))
  const body = text(value['body'])
  const encoding = value['isBase64Encoded'] === true ? 'base64' : 'utf8'
  return { method, path, headers, ...(body !== undefined && { body: Buffer.from(body, encoding) }) }
}

function queryOf(parameters: Record<string, unknown>): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) if (isText(value)) query.append(name, value)
  return query.toString()
}

/** Not what the connection itself decides. */
function isHeader(name: string): boolean {
  return (
    /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !/^(host|connection|content-length|transfer-encoding)$/i.test(name)
  )
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !/[\r\n\0]/.test(value)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
