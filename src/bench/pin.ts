import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { UfrError } from '../base/errors.ts'
import { findCommand } from '../base/process.ts'

/** On which CPUs everything that is measured runs. */
export interface Pinning {
  /** As taskset has it, such as `4-7`; null where nothing was pinned. */
  cpus: string | null
  /** How it was decided, in words. */
  reason: string
  /** Lets this process have its CPUs again. */
  undo(): void
}

/** One for the vCPU, one for the VMM's own threads, one for ufr, and one to spare. */
const wanted = 4

/**
 * Keeps this process, and so all that it starts, on some CPUs: fewer caches grow cold, and the figures scatter less. By
 * taskset of util-linux, once and before anything is measured, so that no start is slower for it.
 * @param choice `auto`, `off`, or CPUs as taskset has them.
 * @throws UfrError UFR-USAGE for a list that is none, or has CPUs that this process may not use.
 */
export function pin(choice: string): Pinning {
  const nothing = (reason: string): Pinning => ({ cpus: null, reason, undo() {} })
  if (choice === 'off') return nothing('as asked for')
  const before = allowedCpus()
  const allowed = cpusOf(before)
  if (choice === 'auto') {
    if (allowed.length <= wanted)
      return nothing(`all of this machine's ${allowed.length} CPUs are needed (--pin LIST pins anyway)`)
    if (!findCommand('taskset')) return nothing('taskset (util-linux) is not on PATH')
    const cpus = allowed.slice(-wanted).join(',')
    return pinned(cpus, before, `the last ${wanted} of ${allowed.length} CPUs, by taskset`)
  }
  const lacking = cpusOf(choice).find((cpu) => !allowed.includes(cpu))
  if (lacking !== undefined) {
    const fix = `CPUs that can be used: --pin ${before}`
    throw new UfrError('UFR-USAGE', `--pin ${choice}: this process may not use CPU ${lacking}`, { fix })
  }
  return pinned(choice, before, 'as asked for, by taskset')
}

function pinned(cpus: string, before: string, reason: string): Pinning {
  setCpus(cpus)
  return { cpus, reason, undo: () => setCpus(before) }
}

/** All threads of this process: whatever it starts later is on the same CPUs. */
function setCpus(cpus: string): void {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', cpus, String(process.pid)], { stdio: 'pipe' })
  } catch (cause) {
    throw new UfrError('UFR-COMMAND', `taskset cannot pin to ${cpus}: ${(cause as Error).message}`, {
      cause,
      fix: 'Install util-linux, or leave --pin out.',
    })
  }
}

function allowedCpus(): string {
  const status = fs.readFileSync('/proc/self/status', 'utf8')
  return /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '0'
}

const mostCpu = 8191

/** The numbers in a list such as `0-3,8`. @throws UfrError UFR-USAGE */
export function cpusOf(list: string): number[] {
  const wrong = () =>
    new UfrError('UFR-USAGE', `${JSON.stringify(list)} is no list of CPUs`, {
      fix: 'Give auto, off, or CPUs such as --pin 2-5 or --pin 0,2.',
    })
  const found = list.split(',').flatMap((part) => {
    const [, from, to = from] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? []
    const [first, last] = [Number(from), Number(to)]
    if (from === undefined || first > last || last > mostCpu) throw wrong()
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
  return [...new Set(found)].sort((a, b) => a - b)
}
