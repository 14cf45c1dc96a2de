import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { findCommand } from '../../src/base/process.ts'

/** The checkout that the tests are in. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url))

/** What bin/ufr and the scripts use of a system besides node, npm and what they look for. */
const basics = [
  ...[
    'bash',
    'cat',
    'chmod',
    'cut',
    'dirname',
    'env',
    'find',
    'flock',
    'getent',
    'id',
    'ln',
    'mkdir',
    'mktemp',
    'mv',
  ],
  ...['readlink', 'rm', 'sed', 'sh', 'sleep', 'tail', 'tr', 'uname'],
]

export interface Ended {
  status: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** A folder of the test's own, removed when it is over. */
export function temporaryFolder(t: TestContext, name = 'ufr-install-'): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), name))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes a program, a shell script unless it says what else. @returns its path. */
export function writeProgram(file: string, body: string): string {
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, body.startsWith('#!') ? body : `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  return file
}

/** A folder for PATH with the basic programs and these scripts, and nothing else: no node, no npm. */
export function searchPath(t: TestContext, programs: Record<string, string> = {}): string {
  const folder = temporaryFolder(t, 'ufr-path-')
  for (const name of basics.filter((each) => !(each in programs))) {
    const file = findCommand(name)
    if (file !== undefined) fs.symlinkSync(file, path.join(folder, name))
  }
  for (const [name, body] of Object.entries(programs)) writeProgram(path.join(folder, name), body)
  return folder
}

/** Starts a program with this environment and no other; it is killed at the end of the test, if need be. */
export function start(
  t: TestContext,
  file: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  cwd = os.tmpdir(),
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(file, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 })
  t.after(() => child.kill('SIGKILL'))
  const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([stdout, stderr, [status, signal]]) => ({ status, signal, stdout, stderr }),
  )
  return { child, ended }
}

/** As `start`, to the end. */
export function run(
  t: TestContext,
  file: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  cwd?: string,
): Promise<Ended> {
  return start(t, file, args, env, cwd).ended
}
