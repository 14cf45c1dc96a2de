import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { type CommandResult, runCommand } from '../../base/process.ts'
import { isElfFile } from '../../function/detect.ts'
import type { SwiftToolchain } from '../../kernel/swift/toolchain.ts'
import type { BuildRequest } from '../source/builder.ts'
import { swiftError } from './errors.ts'

const limitMs = 30 * 60_000
/** Every status is looked at here. */
export const anyStatus = Array.from({ length: 256 }, (_, status) => status)

/** What a package was built into. */
export interface BuiltPackage {
  /** Absolute path of the program. */
  program: string
  /** Folders with resources, which programs look for beside themselves (SwiftPM: Bundling resources). */
  resources: string[]
}

/**
 * Builds a package by its own package manager, for release, with Swift's libraries in the program.
 * @param object file to be linked into the program.
 * @throws UfrError UFR-BUILD with the compiler's words, UFR-TOOLCHAIN where there is a compiler only.
 */
export async function buildPackage(
  toolchain: SwiftToolchain,
  object: string,
  { folder, cache, wanted }: BuildRequest,
): Promise<BuiltPackage> {
  const { packages, swiftc, env, key } = toolchain
  if (!packages) {
    throw new UfrError(
      'UFR-TOOLCHAIN',
      `${folder} has a Package.swift, and beside ${swiftc} is no swift-build`,
      {
        fix: 'Install the whole toolchain from swift.org; or `ufr runtime pull swift`, and take that compiler off PATH.',
      },
    )
  }
  // What one toolchain has made, another cannot go on with.
  const scratch = ['--scratch-path', path.join(cache, `swift-${key.slice(0, 12)}`)]
  const run = ([command, ...before]: [string, ...string[]], args: string[]): Promise<CommandResult> =>
    runCommand(command, [...before, ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      timeout: limitMs,
      accept: anyStatus,
    })
  const linked = ['--static-swift-stdlib', ...linkerWords([object, '-s'])]
  const built = await run(packages.build, ['-c', 'release', ...scratch, ...linked])
  if (built.status !== 0) throw swiftError(folder, built)
  const at = fs.realpathSync(path.join(scratch[1]!, 'release'))
  const programs = programsIn(at)
  const known = programs.length < 2 || (wanted !== undefined && programs.includes(wanted))
  // Programs of earlier builds stay there.
  const names = known
    ? programs
    : executables((await run(packages.other, [...scratch, 'describe', '--type', 'json'])).stdout, programs)
  const program =
    wanted !== undefined && names.includes(wanted) ? wanted : names.length === 1 ? names[0] : undefined
  if (program !== undefined) return { program: path.join(at, program), resources: resourcesIn(at) }
  throw manyOrNone(folder, names)
}

/** Arguments by which swiftc and the package manager hand words to the linker. */
export function linkerWords(words: readonly string[]): string[] {
  return words.flatMap((word) => ['-Xlinker', word])
}

function programsIn(folder: string): string[] {
  return (
    fs
      .readdirSync(folder, { withFileTypes: true })
      .filter(
        (entry) =>
          entry.isFile() && path.extname(entry.name) === '' && isProgram(path.join(folder, entry.name)),
      )
      .map((entry) => entry.name)
      // Macros and plugins are programs too, for the compiler.
      .filter((name) => !name.endsWith('-tool'))
      .sort()
  )
}

function isProgram(file: string): boolean {
  return (fs.statSync(file).mode & 0o111) !== 0 && isElfFile(file)
}

function resourcesIn(folder: string): string[] {
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.resources'))
  return names.sort().map((name) => path.join(folder, name))
}

/** The executables that a package says it has (`swift package describe --type json`), of those that are there. */
export function executables(described: string, there: readonly string[]): string[] {
  try {
    const { products } = JSON.parse(described) as {
      products?: { name: string; type: Record<string, unknown> }[]
    }
    const names = (products ?? []).filter(({ type }) => 'executable' in type).map(({ name }) => name)
    return there.filter((name) => names.includes(name))
  } catch {
    return [...there]
  }
}

function manyOrNone(folder: string, names: readonly string[]): UfrError {
  if (names.length === 0) {
    return new UfrError('UFR-BUILD', `${folder} has no program: swift makes only libraries of it`, {
      fix: 'Add an .executableTarget to Package.swift.',
    })
  }
  return new UfrError('UFR-BUILD', `${folder} has several programs: ${names.join(', ')}`, {
    fix: `Name one of them in ufr.json: "command": ${JSON.stringify(names[0])}.`,
  })
}
