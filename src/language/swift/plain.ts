import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { runCommand } from '../../base/process.ts'
import type { SwiftToolchain } from '../../kernel/swift/toolchain.ts'
import type { BuildRequest } from '../source/builder.ts'
import { filesWith, textIn } from '../source/find.ts'
import { swiftError } from './errors.ts'
import { anyStatus, linkerWords } from './package.ts'

/**
 * Compiles the Swift files at the top of a folder into one program, with Swift's libraries in it.
 * @param object file to be linked into the program.
 * @returns absolute path of the program.
 * @throws UfrError UFR-BUILD with the compiler's words.
 */
export async function buildPlain(
  toolchain: SwiftToolchain,
  object: string,
  { folder, cache }: BuildRequest,
): Promise<string> {
  const names = filesWith(folder, ['.swift'])
  return withTemporaryFolder(cache, async (made) => {
    const file = path.join(made, 'program')
    const args = ['-O', '-wmo', '-static-stdlib', ...entryWords(folder, names), '-o', file]
    const sources = names.map((name) => `./${name}`)
    const words = [...args, ...linkerWords([object, '-s']), ...sources]
    const result = await compileSwift(toolchain, words, folder)
    if (result.status !== 0) throw swiftError(folder, result)
    const program = path.join(cache, 'program')
    // Another run may be about to read the one that is there.
    fs.renameSync(file, program)
    return program
  })
}

/** A file alone is taken for a script, unless this says that its @main is meant. */
function entryWords(folder: string, names: readonly string[]): string[] {
  const isMain = names.some((name) => /^\s*@main\b/m.test(textIn(folder, name) ?? ''))
  return isMain ? ['-parse-as-library'] : []
}

/** Runs the compiler; every exit status is for the caller to look at. */
export function compileSwift({ swiftc, env }: SwiftToolchain, args: string[], folder: string) {
  return runCommand(swiftc, args, { cwd: folder, env: { ...process.env, ...env }, accept: anyStatus })
}
