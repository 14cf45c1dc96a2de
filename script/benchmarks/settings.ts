import { parseArgs } from 'node:util'
import { UfrError } from '../../src/base/errors.ts'

export const sectionNames = ['start', 'build', 'write', 'link', 'cold', 'compile-cache', 'archives'] as const
export type SectionName = (typeof sectionNames)[number]

/** What every section gets. */
export interface Settings {
  /** How often each thing is measured. */
  rounds: number
  /** A folder to work in. */
  folder: string
  signal: AbortSignal
  /** Says what goes on. */
  tell(text: string): void
}

export interface Options {
  rounds: number
  only: readonly SectionName[]
  /** Kernels and VMMs by name; all that are here where none is named. */
  unikernels: readonly string[]
  vmms: readonly string[]
  /** Where npm has installed ufr before; undefined to pack this checkout and install that. */
  installed: string | undefined
  json: boolean
  help: boolean
}

export const usage = `script/bench [--pairs N] [--only SECTION] [--unikernel NAME] [--vmm NAME] [--installed DIR] [--json]

Measures ufr, as npm installs it, in turns with what it is compared with, and says which goals are met.
  --pairs N         how often each thing is measured (default: 20; at least 3)
  --only SECTION    start (of the command), build (of images), write (of images, against the tools of others),
                    link (by tap), cold (run of a function), compile-cache (of Node.js, against none), archives (of
                    Java's classes, against none); may be given more than once
  --unikernel NAME  only with this kernel; may be given more than once
  --vmm NAME        only on this VMM; may be given more than once
  --installed DIR   measure what \`npm install --prefix DIR\` has installed there, in place of this checkout
  --json            one JSON document with every sample
docs/benchmarks.md says what is measured and how to read it.
`

/** @throws UfrError UFR-USAGE */
export function readOptions(args: string[]): Options {
  const text = { type: 'string' } as const
  const texts = { type: 'string', multiple: true } as const
  const flag = { type: 'boolean' } as const
  let values: {
    pairs?: string
    only?: string[]
    unikernel?: string[]
    vmm?: string[]
    installed?: string
    json?: boolean
    help?: boolean
  }
  try {
    const help = { ...flag, short: 'h' }
    const options = {
      pairs: text,
      only: texts,
      unikernel: texts,
      vmm: texts,
      installed: text,
      json: flag,
      help,
    }
    values = parseArgs({ args, options }).values
  } catch (error) {
    throw wrong((error as Error).message)
  }
  const { pairs = '20', only, unikernel = [], vmm = [], installed, json = false, help = false } = values
  if (!/^\d{1,4}$/.test(pairs) || Number(pairs) < 3)
    throw wrong(`--pairs ${pairs} is no number from 3 to 9999`)
  const unknown = only?.find((name) => !sectionNames.includes(name as SectionName))
  if (unknown !== undefined) throw wrong(`--only ${unknown} is none of ${sectionNames.join(', ')}`)
  const chosen = sectionNames.filter((name) => only === undefined || only.includes(name))
  return { rounds: Number(pairs), only: chosen, unikernels: unikernel, vmms: vmm, installed, json, help }
}

/** Those of a list that are named, in the list's order; all of it where none is. @throws UfrError UFR-USAGE */
export function named<T>(
  list: readonly T[],
  names: readonly string[],
  nameOf: (each: T) => string,
): readonly T[] {
  const there = list.map(nameOf)
  const lacking = names.find((name) => !there.includes(name))
  if (lacking !== undefined) throw wrong(`${lacking} is none of those that are here: ${there.join(', ')}`)
  return names.length === 0 ? list : list.filter((each) => names.includes(nameOf(each)))
}

function wrong(message: string): UfrError {
  return new UfrError('UFR-USAGE', message, { fix: 'script/bench --help shows what there is.' })
}
