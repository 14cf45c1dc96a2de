import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { findCommand } from '../../src/base/process.ts'

const mark = 'UFR_TEST_PEN'

/** Whether this process is in a pen of its own. */
export const penned = process.env[mark] !== undefined

/**
 * Runs a test file in a pen: namespaces of its own for processes, network and mounts, and folders of its own for
 * temporary files. What is in there is the test's: it can be counted, and nothing of it survives the test. Outside of a
 * pen, on a machine that does not let us have one, tests run all the same and count less.
 * @param file the test file itself, which is run once more.
 */
export async function inPen(file: string, inside: () => Promise<unknown>): Promise<void> {
  const command = penned ? undefined : penCommand()
  if (command === undefined) {
    await inside()
    return
  }
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-pen-'))
  const [program, ...args] = [...command, process.execPath, ...process.execArgv, file]
  const child = spawn(program!, args, {
    stdio: 'inherit',
    env: { ...process.env, [mark]: '1', TMPDIR: folder, XDG_RUNTIME_DIR: folder },
  })
  const [status] = await once(child, 'exit')
  fs.rmSync(folder, { recursive: true, force: true })
  process.exitCode = status ?? 1
}

/** The words before a command that put it into a pen; undefined where that cannot be had. */
function penCommand(): string[] | undefined {
  const ip = findCommand('ip')
  if (!ip || !findCommand('unshare') || !findCommand('setpriv')) return undefined
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  const spaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const own = ['/run', '/dev/shm'].map((folder) => `mount -t tmpfs pen ${folder}`).join(' && ')
  // The shell is process 1: it waits for what has lost its parent, and all ends with it.
  const first = `${own} && ${ip} link set lo up && "$@"; exit $?`
  const command = ['unshare', ...user, ...spaces, '--', 'sh', '-c', first, 'pen']
  const tried = spawnSync(command[0]!, [...command.slice(1), 'true'], { timeout: 20_000 })
  // Whoever ends us ends the pen, too.
  return tried.status === 0 ? ['setpriv', '--pdeathsig', 'KILL', '--', ...command] : undefined
}
