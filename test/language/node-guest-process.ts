import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { guestFiles, handlerServer, webPreload } from '../../src/language/node/guest-files.ts'

export const invocationPath = '/2015-03-31/functions/function/invocations'
const limitMs = 15_000
const mark = /\x1b_ufr;ready;(\d+)(?:;[\d.:]+)?\x1b\\/g

export type Files = Record<string, string>

/** A folder of its own for a test, with some files, removed when the test is over. */
export function folderWith(t: TestContext, files: Files): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-node-')))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), text)
  }
  return folder
}

/** A program that runs as it would in the guest. */
export interface Guest {
  child: ChildProcess
  /** Everything on standard output so far, marks included. */
  stdout(): string
  stderr(): string
  /** Ports in the marks so far, in order. */
  marks(): number[]
  /** Resolves with the port of the first mark; rejects when the program ends before, or takes too long. */
  ready: Promise<number>
  /** Resolves with the exit status, or the name of the signal. */
  ended: Promise<number | string>
}

export interface GuestOptions {
  node?: string
  environment?: Record<string, string>
}

/** Runs Node.js with arguments in a folder and watches for ready marks. The program is killed when the test is over. */
export function startGuest(
  t: TestContext,
  folder: string,
  args: string[],
  options: GuestOptions = {},
): Guest {
  const env = { PATH: process.env['PATH'] ?? '', ...options.environment }
  const child = spawn(options.node ?? process.execPath, args, {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  const marks = () => [...stdout.matchAll(mark)].map(([, port]) => Number(port))
  const ended = once(child, 'close').then(([status, signal]) => (status ?? signal) as number | string)
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const ready = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready:\n${stdout}${stderr}`)), limitMs)
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
      const [port] = marks()
      if (port !== undefined) resolve(port)
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
    })
    ended.then((status) => reject(new Error(`ended with ${status} before it was ready:\n${stdout}${stderr}`)))
    void ended.then(() => clearTimeout(timer))
    t.after(() => clearTimeout(timer))
  })
  ready.catch(() => {})
  return { child, stdout: () => stdout, stderr: () => stderr, marks, ready, ended }
}

/** Our files as they are in the guest's /opt/ufr, in a folder of the host. */
export function guestFolder(t: TestContext): { handler: string; web: string } {
  const folder = folderWith(t, {})
  for (const [name, bytes] of guestFiles()) fs.writeFileSync(path.join(folder, path.basename(name)), bytes)
  return {
    handler: path.join(folder, path.basename(handlerServer)),
    web: path.join(folder, path.basename(webPreload)),
  }
}

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  trailers: NodeJS.Dict<string>
  text: string
  /** The text as JSON. */
  json(): unknown
}

export interface HandlerGuest extends Guest {
  folder: string
  port: number
  invoke(event?: unknown, headers?: Record<string, string>): Promise<Answer>
  send(options: http.RequestOptions, body?: string | Buffer): Promise<Answer>
}

/** Starts our handler server on a function's files and waits until it is ready. */
export async function startHandler(
  t: TestContext,
  files: Files,
  handler = 'index.handler',
  options: GuestOptions = {},
): Promise<HandlerGuest> {
  const folder = folderWith(t, files)
  const environment = { UFR_PORT: '0', LAMBDA_TASK_ROOT: folder, _HANDLER: handler, ...options.environment }
  const guest = startGuest(t, folder, [guestFolder(t).handler], { ...options, environment })
  const port = await guest.ready
  const send = (request: http.RequestOptions, body?: string | Buffer) => fetchFrom(port, request, body)
  const invoke = (event: unknown = {}, headers: Record<string, string> = {}) =>
    send({ method: 'POST', path: invocationPath, headers }, JSON.stringify(event))
  return { ...guest, folder, port, send, invoke }
}

/** One request on a connection of its own. */
export async function fetchFrom(
  port: number,
  options: http.RequestOptions,
  body?: string | Buffer,
): Promise<Answer> {
  const signal = AbortSignal.timeout(limitMs)
  const request = http.request({ host: '127.0.0.1', port, agent: false, signal, ...options })
  request.end(body)
  const [response] = (await once(request, 'response', { signal })) as [http.IncomingMessage]
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  const { statusCode = 0, headers, trailers } = response
  return { status: statusCode, headers, trailers, text, json: () => JSON.parse(text) }
}

/** Waits until something holds. */
export async function until(what: () => boolean): Promise<void> {
  const end = Date.now() + limitMs
  while (!what()) {
    if (Date.now() > end) throw new Error(`did not come to be: ${what}`)
    await sleep(10)
  }
}

/** Node.js programs on PATH of other versions than the one that runs the tests. */
export function otherNodes(): { version: string; node: string }[] {
  const found = new Map([[process.version, process.execPath]])
  for (const folder of (process.env['PATH'] ?? '').split(':').concat('/usr/bin', '/usr/local/bin')) {
    const node = path.join(folder, 'node')
    if (!path.isAbsolute(node) || !fs.existsSync(node)) continue
    const version = spawnSync(node, ['--version'], { encoding: 'utf8', timeout: limitMs }).stdout?.trim()
    if (version && Number.parseInt(version.slice(1), 10) >= 18 && !found.has(version))
      found.set(version, node)
  }
  found.delete(process.version)
  return [...found].map(([version, node]) => ({ version, node }))
}
