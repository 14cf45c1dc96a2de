import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { findCommand } from '../../base/process.ts'

const program = 'qemu-system-x86_64'
const versions = new Map<string, string>()

/** The QEMU on PATH (or `UFR_QEMU`): its path, without running it. */
export function locateQemu(): string | undefined {
  return process.env['UFR_QEMU'] || findCommand(program)
}

/** @throws UfrError UFR-QEMU-MISSING */
export function findQemu(): string {
  const set = process.env['UFR_QEMU']
  if (set && !findCommand(path.basename(set), path.dirname(path.resolve(set)))) {
    throw new UfrError('UFR-QEMU-MISSING', `UFR_QEMU is ${set}, and that is no program`)
  }
  const file = locateQemu()
  if (!file) throw new UfrError('UFR-QEMU-MISSING', `no ${program} on PATH`)
  return file
}

/**
 * The version, such as `7.2.22`; runs QEMU once per process.
 * @throws UfrError UFR-QEMU-MISSING where it does not run, UFR-QEMU-OLD below 6.2: before it the microvm board lacks ACPI.
 */
export function qemuVersion(file: string): string {
  const known = versions.get(file)
  if (known) return known
  let text: string
  try {
    text = execFileSync(file, ['--version'], {
      encoding: 'utf8',
      timeout: 20_000,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  } catch (cause) {
    throw new UfrError('UFR-QEMU-MISSING', `${file} does not run`, { cause })
  }
  const match = /version ((\d+)\.(\d+)\S*)/.exec(text)
  if (!match) throw new UfrError('UFR-QEMU-MISSING', `${file} does not say its version`)
  const version = match[1]!
  if (Number(match[2]) * 100 + Number(match[3]) < 602) {
    throw new UfrError('UFR-QEMU-OLD', `${file} is version ${version}; 6.2 or later is needed`)
  }
  versions.set(file, version)
  return version
}
