import fs from 'node:fs'
import { UfrError } from '../base/errors.ts'
import { type BootReport, schemaVersion } from './report.ts'

const mostBytes = 64 << 20
const mostRuns = 1_000_000

/**
 * Reads a report that `ufr bench boot` wrote.
 * @param force takes one of another schema as well, as long as all is there that a comparison needs.
 * @throws UfrError UFR-BENCH-REPORT for what is none.
 */
export function readReport(file: string, force = false): BootReport {
  const document = parsed(file)
  const problem = problemOf(document)
  const version = isObject(document) ? document['schemaVersion'] : undefined
  if (isObject(document) && document['kind'] === 'boot' && version !== schemaVersion && !force) {
    const fix = `Measure again with this ufr, or compare all the same with --force.`
    throw new UfrError(
      'UFR-BENCH-REPORT',
      `${file} has the schema ${String(version)}, not ${schemaVersion}`,
      {
        fix,
      },
    )
  }
  if (problem !== undefined) throw noReport(file, problem)
  return document as BootReport
}

function parsed(file: string): unknown {
  try {
    const { size } = fs.statSync(file)
    if (size > mostBytes) throw new Error(`it is larger than ${mostBytes >> 20} MiB`)
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch (cause) {
    throw noReport(file, (cause as Error).message, cause)
  }
}

function noReport(file: string, why: string, cause?: unknown): UfrError {
  return new UfrError('UFR-BENCH-REPORT', `${file} is no report of ufr bench boot: ${why}`, {
    cause,
    fix: 'Give report.json, which `ufr bench boot --out DIR` writes, or what it prints with --json.',
  })
}

type Json = Record<string, unknown>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What is not as a comparison needs it; undefined where nothing is. */
function problemOf(document: unknown): string | undefined {
  if (!isObject(document)) return 'it is no JSON object'
  const { kind, machine, conditions, cells } = document
  if (kind !== 'boot') return 'its kind is not boot'
  if (typeof document['ufr'] !== 'string') return 'ufr is missing'
  if (!isObject(machine) || typeof machine['processor'] !== 'string') return 'machine is missing'
  if (!isObject(conditions) || !Array.isArray(conditions['vmms'])) return 'conditions are missing'
  if (!conditions['vmms'].every(isObject)) return 'conditions.vmms are none'
  if (!Array.isArray(cells)) return 'cells are missing'
  for (const [i, cell] of cells.entries()) {
    const problem = cellProblem(cell)
    if (problem !== undefined) return `cells[${i}]: ${problem}`
  }
  return undefined
}

function cellProblem(cell: unknown): string | undefined {
  if (!isObject(cell)) return 'it is no object'
  const missing = ['function', 'unikernel', 'vmm', 'arm'].find((key) => typeof cell[key] !== 'string')
  if (missing !== undefined) return `${missing} is missing`
  const { kernelVersion, reason, runs } = cell
  if (kernelVersion !== null && typeof kernelVersion !== 'string') return 'kernelVersion is missing'
  if (!isReason(reason)) return 'reason is none'
  if (!Array.isArray(runs) || runs.length > mostRuns) return 'runs are missing, or too many'
  const bad = runs.findIndex((run) => !isRun(run))
  return bad < 0 ? undefined : `runs[${bad}] is none`
}

const marks = ['vmm', 'vcpu', 'kernel', 'entry', 'ready', 'response']

function isRun(run: unknown): boolean {
  if (!isObject(run) || typeof run['discarded'] !== 'boolean' || !isReason(run['error'])) return false
  const { phases } = run
  if (phases === null) return true
  return isObject(phases) && marks.every((mark) => phases[mark] === null || Number.isFinite(phases[mark]))
}

function isReason(value: unknown): boolean {
  if (value === null) return true
  return isObject(value) && typeof value['code'] === 'string' && typeof value['message'] === 'string'
}
