import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { homePath } from '../../src/base/paths.ts'
import { findKernelIfAny } from '../../src/kernel/store.ts'
import { locateQemu } from '../../src/vmm/qemu/binary.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))
/** Everything takes longer in a lab, whose processors are emulated. */
export const slowness = process.env['UFR_IN_LAB'] ? 6 : 1
const limitMs = 240_000 * slowness

export interface Result {
  status: number | null
  stdout: string
  stderr: string
}

let home: string | undefined

/**
 * A UFR_HOME of the tests' own: kernels, runtimes and what is known of the host are the real one's, images are not, so
 * that tests leave nothing in anybody's store.
 */
export function testHome(): string {
  if (home !== undefined) return home
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-live-'))
  process.on('exit', () => fs.rmSync(made, { recursive: true, force: true }))
  for (const name of [
    'kernels',
    'vmms',
    'runtimes',
    'cache',
    'node',
    'apt',
    'apt-trixie',
    'python',
    'java',
    'kotlin',
    'maven',
    'jvm',
    'builds',
  ]) {
    fs.mkdirSync(homePath(name), { recursive: true })
    fs.symlinkSync(homePath(name), path.join(made, name))
  }
  home = made
  return made
}

/** Starts the command as a user would; whoever starts it has it killed at the end of the test. */
export function startUfr(t: TestContext, args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(path.join(root, 'bin/ufr'), args, {
    env: { ...process.env, NO_COLOR: '1', UFR_HOME: testHome(), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  child.on('close', () => clearTimeout(timer))
  t.after(() => child.kill('SIGKILL'))
  return child
}

/** Runs the command to its end. */
export async function ufr(
  t: TestContext,
  args: string[],
  { env = {}, input = '' }: { env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<Result> {
  const child = startUfr(t, args, env)
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  child.stdin?.end(input)
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, stdout, stderr }
}

/** A folder with these files in it, removed when the test is over. */
export function folderOf(t: TestContext, files: Record<string, string | Uint8Array>): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-test-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, content)
    // What looks like a program is one.
    if (typeof content !== 'string' || content.startsWith('#!')) fs.chmodSync(file, 0o755)
  }
  return folder
}

export const kernels = ['linux', 'nanos', 'osv', 'unikraft'] as const

/** Why a kernel's tests cannot run here, or false. UFR_REQUIRE=nanos,linux turns a lack into a failure. */
export function lacking(kernel: string): string | false {
  const why = !locateQemu()
    ? 'no QEMU'
    : findKernelIfAny(kernel)
      ? undefined
      : `no ${kernel} kernel in the store`
  if (why && required(kernel)) throw new Error(`${why}, but required`)
  return why ?? false
}

/** Whether UFR_REQUIRE names a kernel or VMM: then a lack of it is a failure. */
export function required(name: string): boolean {
  return (process.env['UFR_REQUIRE'] ?? '').split(',').includes(name)
}

/** Process ids of the QEMUs that a process has started. */
export function qemuProcesses(parent: number | undefined): number[] {
  return fs.readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, 'utf8')
      const [, command, ppid] = /^\d+ \((.*)\) \S (\d+) /s.exec(stat) ?? []
      return command?.startsWith('qemu-system') && Number(ppid) === parent ? [Number(name)] : []
    } catch {
      return []
    }
  })
}

/** Whether a process is there and no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean, what: string, milliseconds = 60_000): Promise<void> {
  const end = Date.now() + milliseconds
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${milliseconds} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
