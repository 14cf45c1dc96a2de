import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { findCommand } from '../../../src/base/process.ts'
import { folderOf, root } from '../ufr.ts'

const source = (name: string) => path.join(import.meta.dirname, 'vehicle', name)
const flags = ['-D_GNU_SOURCE', '-O2', '-static-pie', '-s']

let program: string | undefined

/**
 * The native vehicle, compiled once and kept among the checkout's installed packages: so that it is there, too, where
 * there is no compiler, such as in another machine that has the same checkout.
 * @returns undefined where there is neither.
 */
export function nativeProgram(): string | undefined {
  if (program) return program
  const text = fs.readFileSync(source('vehicle.c'))
  const digest = createHash('sha256').update(text).update(flags.join(' ')).digest('hex').slice(0, 16)
  const folder = path.join(root, 'node_modules/.cache/ufr-conformance')
  const file = path.join(folder, `vehicle-${digest}`)
  if (!fs.existsSync(file)) {
    if (!findCommand('gcc')) return undefined
    fs.mkdirSync(folder, { recursive: true })
    const made = `${file}.${process.pid}`
    execFileSync('gcc', [...flags, '-o', made, source('vehicle.c')], { timeout: 120_000, stdio: 'pipe' })
    fs.renameSync(made, file)
  }
  program = file
  return file
}

/** A folder with the native vehicle as a function. */
export function nativeFunction(t: TestContext, config: object): string {
  const folder = folderOf(t, { 'ufr.json': settings({ runtime: 'native', command: 'vehicle', ...config }) })
  fs.copyFileSync(nativeProgram()!, path.join(folder, 'vehicle'))
  fs.chmodSync(path.join(folder, 'vehicle'), 0o755)
  return folder
}

export interface WebConfig {
  args: string[]
  environment: Record<string, string>
  memory: number
  timeout: number
  cpus?: number
  network?: 'egress'
}

/** The same web function in either form. */
export function webFunction(t: TestContext, form: 'node' | 'native', config: WebConfig): string {
  if (form === 'native')
    return nativeFunction(t, { ...config, shape: 'web', args: ['serve', ...config.args] })
  const command = { runtime: 'nodejs24.x', shape: 'web', command: 'server.mjs' }
  return folderOf(t, {
    'ufr.json': settings({ ...command, ...config }),
    'server.mjs': fs.readFileSync(source('server.mjs')),
  })
}

/** A handler, with a module that it depends on. */
export function handlerFunction(t: TestContext): string {
  return folderOf(t, {
    'ufr.json': settings({ runtime: 'nodejs24.x', handler: 'src/vehicle.api.look', timeout: 120 }),
    'src/vehicle.cjs': fs.readFileSync(source('handler.cjs')),
    'node_modules/dependency/index.js': 'module.exports = "a dependency"',
  })
}

function settings(config: object): string {
  return JSON.stringify({ name: 'conformance', ...config })
}

/** Puts a large file into a function's folder that is nowhere like itself. @returns its sha256. */
export function addLargeFile(folder: string, length: number): string {
  const hash = createHash('sha256')
  const file = fs.openSync(path.join(folder, 'large.bin'), 'w')
  const bytes = noise(1_000_000)
  for (let i = 0; i < length / bytes.length; i++) {
    for (let at = 0; at < bytes.length - 4; at += 4000) bytes.writeUInt32LE(i, at)
    fs.writeSync(file, bytes)
    hash.update(bytes)
  }
  fs.closeSync(file)
  return hash.digest('hex')
}

/** Bytes without a pattern, the same each time (xorshift32). */
export function noise(length: number): Buffer {
  const words = new Uint32Array(length / 4)
  let state = 0x9e3779b9
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
  return Buffer.from(words.buffer)
}

/** What `inspect` of either vehicle says: values by word, in the order in which they came. */
export function readInspection(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const line of text.trimEnd().split('\n')) {
    const [word = '', hex = ''] = line.split(' ')
    found.set(word, [...(found.get(word) ?? []), Buffer.from(hex, 'hex').toString()])
  }
  return found
}
