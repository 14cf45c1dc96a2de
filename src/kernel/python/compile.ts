import { type Runner, runCommand } from '../../base/process.ts'
import type { Runtime } from '../runtimes.ts'
import { hostPython } from './host-python.ts'

/**
 * Compiles all modules of a folder to bytecode, as the runtime's own interpreter does at import. The bytecode is never
 * compared with its source (PEP 552, unchecked): files in a guest have no times that say anything, and reading a source
 * only to find it unchanged takes longer than the import.
 * @param guestPath where the folder is in the guest: tracebacks name it.
 */
export async function compileFolder(
  runtime: Pick<Runtime, 'root' | 'program'>,
  folder: string,
  guestPath: string,
  run: Runner = runCommand,
): Promise<void> {
  const { command, args, env } = hostPython(runtime)
  const options = ['--invalidation-mode', 'unchecked-hash', '-q', '-q', '-f', '-r', '99']
  // Status 1 where a file could not be compiled, as test data of packages: importing it says so, too.
  await run(command, [...args, '-m', 'compileall', ...options, '-s', folder, '-p', guestPath, folder], {
    env,
    accept: [0, 1],
  })
}
