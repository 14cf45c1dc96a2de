import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { findCommand } from '../../base/process.ts'
import { readElf } from '../../image/formats/elf/elf.ts'
import { withSource } from '../../image/source.ts'
import { findVmmIfAny, vmmFile, vmmFileIfAny } from '../../kernel/vmms.ts'

/** The programs of a Firecracker. */
export interface Firecracker {
  file: string
  /** Upstream's jailer of the same version, where there is one. */
  jailer?: string
  /** It wants libraries at run time. */
  dynamic?: true
}

const versions = new Map<string, string>()
const leastVersion = 112

/**
 * The Firecracker of UFR_FIRECRACKER, of the store, or on PATH, without running it; its jailer (UFR_JAILER) is the one
 * of the same place. Undefined where there is none.
 * @throws UfrError UFR-VMM-MISSING where a variable names no program; UFR-STORE-RECORD where the store's is broken.
 */
export function locateFirecracker(): Firecracker | undefined {
  const set = named('UFR_FIRECRACKER')
  const stored = set === undefined ? findVmmIfAny('firecracker') : undefined
  const file = set ?? (stored ? vmmFile(stored, 'firecracker') : findCommand('firecracker'))
  if (file === undefined) return undefined
  const beside = stored
    ? vmmFileIfAny(stored, 'jailer')
    : findCommand('jailer', path.dirname(path.resolve(file)))
  const jailer = named('UFR_JAILER') ?? beside
  return { file, ...(jailer !== undefined && { jailer }), ...(isDynamic(file) && { dynamic: true }) }
}

function isDynamic(file: string): boolean {
  try {
    return withSource(file, (source) => readElf(source).interpreter !== undefined)
  } catch {
    // Whatever is wrong with it is told when it is run.
    return false
  }
}

function named(variable: string): string | undefined {
  const set = process.env[variable]
  if (!set) return undefined
  const file = path.resolve(set)
  if (findCommand(path.basename(file), path.dirname(file))) return file
  throw new UfrError('UFR-VMM-MISSING', `${variable} is ${set}, and that is no program`, {
    fix: `Set ${variable} to the program, or unset it.`,
  })
}

/** @throws UfrError as `locateFirecracker`, and UFR-VMM-MISSING where there is none. */
export function findFirecracker(): Firecracker {
  const found = locateFirecracker()
  if (found) return found
  throw new UfrError('UFR-VMM-MISSING', 'there is no Firecracker in the store, and none on PATH', {
    fix: 'Get it with `ufr vmm pull firecracker`, `ufr vmm import firecracker PATH` or `ufr vmm build`.',
  })
}

/**
 * The version, such as `1.16.1`; runs Firecracker once per process.
 * @throws UfrError UFR-VMM-MISSING where it does not run, or is older than 1.12 (the first with PVH).
 */
export function firecrackerVersion(file: string): string {
  const known = versions.get(file)
  if (known !== undefined) return known
  let text: string
  try {
    text = execFileSync(file, ['--version'], {
      encoding: 'utf8',
      timeout: 20_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  } catch (cause) {
    throw new UfrError('UFR-VMM-MISSING', `${file} does not run`, { cause })
  }
  const match = /^Firecracker v((\d+)\.(\d+)\S*)/m.exec(text)
  if (!match) throw new UfrError('UFR-VMM-MISSING', `${file} does not say its version`)
  const version = match[1]!
  if (Number(match[2]) * 100 + Number(match[3]) < leastVersion) {
    throw new UfrError('UFR-VMM-MISSING', `${file} is version ${version}; 1.12 or later is needed`)
  }
  versions.set(file, version)
  return version
}
