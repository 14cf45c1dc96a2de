import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import type { TestContext } from 'node:test'
import { slowness, startUfr, until } from '../../ufr.ts'
import type { KernelCase } from '../cases.ts'
import type { Check } from '../check.ts'
import type { KernelSubject } from '../subjects.ts'
import { nativeProgram } from '../vehicle.ts'

/** Cases that share guests, for a start is what takes time. */
export interface Group {
  title: string
  cases: readonly KernelCase[]
  /** Whether it is worth running over each link; else over the first one only. */
  everyLink?: boolean
  /** Why it cannot run for a subject. */
  lack?(subject: KernelSubject): string | false
  run(t: TestContext, subject: KernelSubject, check: Check<KernelCase>): Promise<void>
}

/** The form of a web function that starts fastest. */
export function fastForm(subject: KernelSubject): 'node' | 'native' {
  return nativeProgram() === undefined ? formOf(subject) : 'native'
}

export function lackOfProgram(): string | false {
  return nativeProgram() === undefined && 'no gcc'
}

/** The options that make `ufr run` use a subject. */
export function on({ kernel, vmm, accel, link }: KernelSubject): string[] {
  return ['--unikernel', kernel, '--vmm', vmm, '--accel', accel, '--link', link]
}

export interface RunOptions {
  args?: string[]
  env?: NodeJS.ProcessEnv
  input?: string
}

/** A run that goes on while the test does something else. */
export interface Running {
  child: ChildProcess
  stdout(): string
  stderr(): string
  /** Resolves once it is over and all output is there. */
  ended: Promise<Outcome>
}

export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
  /** Standard output as it came. */
  bytes: Buffer
}

export function start(
  t: TestContext,
  subject: KernelSubject,
  folder: string,
  { args = [], env = {}, input = '' }: RunOptions = {},
): Running {
  const child = startUfr(t, ['run', folder, ...on(subject), ...args], env)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdin?.on('error', () => {}).end(input)
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString()
  const ended = new Promise<Outcome>((resolve) => {
    child.once('close', (status) =>
      resolve({ status, stdout: text(stdout), stderr: text(stderr), bytes: Buffer.concat(stdout) }),
    )
  })
  return { child, stdout: () => text(stdout), stderr: () => text(stderr), ended }
}

/** Runs a function to its end. */
export function run(...given: Parameters<typeof start>): Promise<Outcome> {
  return start(...given).ended
}

/** The program's exit status, as the summary of a run tells it. */
export function toldStatus({ stderr }: Outcome): number {
  const told = /, exit status (\d+)$/m.exec(stderr)
  assert.ok(told, stderr)
  return Number(told[1])
}

/** Waits until a run's VMM is there. @returns its process id. */
export async function vmmOf({ child, stderr }: Running): Promise<number> {
  let found: number | undefined
  await until(
    () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${stderr()}`)
      found = vmmBelow(child.pid ?? 0)
      return found !== undefined
    },
    'a VMM',
    60_000 * slowness,
  )
  return found!
}

/** The VMM among the processes that a process has started, and those have. */
function vmmBelow(ancestor: number): number | undefined {
  const parents = new Map<number, number>()
  const vmms: number[] = []
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, 'utf8')
      const [, command = '', parent] = /^\d+ \((.*)\) \S (\d+) /s.exec(stat) ?? []
      parents.set(Number(name), Number(parent))
      if (/^(qemu-system|firecracker)/.test(command)) vmms.push(Number(name))
    } catch {
      // It is gone.
    }
  }
  return vmms.find((pid) => {
    let at: number | undefined = pid
    while (at !== undefined && at !== ancestor) at = parents.get(at)
    return at === ancestor
  })
}

/** Kernels that Node.js does not run on yet: their web functions are native. */
const withoutNode: readonly string[] = []

export function formOf({ kernel }: KernelSubject): 'node' | 'native' {
  return withoutNode.includes(kernel) ? 'native' : 'node'
}
