import { spawnSync } from 'node:child_process'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  type Answer,
  type Files,
  fetchFrom,
  folderWith,
  type Guest,
  invocationPath,
  startGuest,
} from './node-guest-process.ts'

/** Our modules, which lie in a folder of the interpreter's search in the guest. */
const modules = fileURLToPath(new URL('../../src/language/python/guest', import.meta.url))

const oldest = 'import sys; sys.exit(sys.version_info < (3, 11))'

/** Why what runs in the guest cannot be run on this host, or false: it is made for the versions that runtimes have. */
export const lackingPython: string | false =
  spawnSync('python3', ['-c', oldest]).status === 0 ? false : 'no python3 of version 3.11 or later'

/** Runs the host's Python as the guest would run its own. */
export function startPython(
  t: TestContext,
  folder: string,
  args: string[],
  environment: Record<string, string> = {},
): Guest {
  const env = { PYTHONPATH: `${folder}:${modules}`, PYTHON_COLORS: '0', ...environment }
  return startGuest(t, folder, ['-B', ...args], { node: 'python3', environment: env })
}

export interface PythonHandler extends Guest {
  folder: string
  port: number
  invoke(event?: unknown, headers?: Record<string, string>): Promise<Answer>
}

/** Starts the handler server with these files as the function, and waits until it is ready. */
export async function startPythonHandler(
  t: TestContext,
  files: Files | string,
  environment: Record<string, string> = {},
): Promise<PythonHandler> {
  const all = typeof files === 'string' ? { 'lambda_function.py': files } : files
  const folder = folderWith(t, all)
  const guest = startPython(t, folder, ['-m', 'ufr_handler'], {
    LAMBDA_TASK_ROOT: folder,
    UFR_PORT: '0',
    _HANDLER: 'lambda_function.lambda_handler',
    ...environment,
  })
  const port = await guest.ready
  const invoke = (event: unknown = {}, headers: Record<string, string> = {}) =>
    fetchFrom(port, { method: 'POST', path: invocationPath, headers }, JSON.stringify(event))
  return { ...guest, folder: path.resolve(folder), port, invoke }
}
