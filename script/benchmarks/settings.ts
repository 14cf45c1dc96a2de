import { parseArgs } from 'node:util'
import { UfrError } from '../../src/base/errors.ts'

export const sectionNames = ['start', 'build', 'cold'] as const
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
  json: boolean
  help: boolean
}

export const usage = `script/bench [--pairs N] [--only start|build|cold] [--json]

Measures ufr, as npm installs it, in turns with what it is compared with, and says which goals are met.
  --pairs N   how often each thing is measured (default: 20; at least 3)
  --only S    one section: start (of the command), build (of images), cold (run of a function)
  --json      one JSON document with every sample
docs/benchmarks.md says what is measured and how to read it.
`

/** @throws UfrError UFR-USAGE */
export function readOptions(args: string[]): Options {
  let values: { pairs?: string; only?: string; json?: boolean; help?: boolean }
  try {
    const text = { type: 'string' } as const
    const flag = { type: 'boolean' } as const
    values = parseArgs({
      args,
      options: { pairs: text, only: text, json: flag, help: { ...flag, short: 'h' } },
    }).values
  } catch (error) {
    throw wrong((error as Error).message)
  }
  const { pairs = '20', only, json = false, help = false } = values
  if (!/^\d{1,4}$/.test(pairs) || Number(pairs) < 3)
    throw wrong(`--pairs ${pairs} is no number from 3 to 9999`)
  const chosen = sectionNames.filter((name) => only === undefined || name === only)
  if (chosen.length === 0) throw wrong(`--only ${only} is none of ${sectionNames.join(', ')}`)
  return { rounds: Number(pairs), only: chosen, json, help }
}

function wrong(message: string): UfrError {
  return new UfrError('UFR-USAGE', message, { fix: 'script/bench --help shows what there is.' })
}
