import { withTemporaryFolder } from '../base/atomic.ts'
import { UfrError } from '../base/errors.ts'
import { homePath } from '../base/paths.ts'
import { unikernels } from '../unikernel/unikernels.ts'
import { type Plan, prepareCells } from './cells.ts'
import { load, type Machine } from './machine.ts'
import type { Pinning } from './pin.ts'
import { type BootReport, type Cell, type Conditions, schemaVersion, tableOf } from './report.ts'
import { runRounds } from './rounds.ts'

/** How it is measured. */
export interface BootOptions extends Omit<Plan, 'scratch'> {
  runs: number
  discard: number
  accelReason: string
  pinning: Pinning
  /** Looked at before anything was pinned. */
  machine: Machine
  /** Version of ufr. */
  ufr: string
  /** Is told of all cells before the first start, of each start, and of what came of it. */
  watch?: Watcher
}

export interface Watcher {
  cells(cells: readonly Cell[]): void
  before(cell: Cell, round: number): void
  after(cell: Cell): void
}

/**
 * Measures cold starts: builds all images first, then starts each cell once a round in turns.
 * @returns the report, which is partial where the signal aborted between starts.
 * @throws the signal's reason where it aborted before the first; UfrError UFR-USAGE where nothing would be left.
 */
export function measureBoot(options: BootOptions): Promise<BootReport> {
  requireRuns(options.runs, options.discard)
  return withTemporaryFolder(homePath('bench'), (scratch) => measureIn({ ...options, scratch }))
}

async function measureIn(options: BootOptions & Plan): Promise<BootReport> {
  const { runs, discard, accel, signal, watch } = options
  const startedAt = new Date().toISOString()
  const kernels = await openKernels(options)
  const { runnables, hopeless, leftOut } = await prepareCells({ ...options, kernels })
  const cells = [...runnables.map(({ cell }) => cell), ...hopeless]
  tellApart(cells)
  watch?.cells(cells)
  const loadBefore = load()
  const whole = await runRounds(runnables, {
    ...{ runs, discard, signal },
    before: (cell, round) => watch?.before(cell, round),
    after: (cell) => watch?.after(cell),
  })
  const conditions: Conditions = {
    accel,
    accelReason: options.accelReason,
    cpus: options.pinning.cpus,
    pinning: options.pinning.reason,
    caches: cachesText(discard),
    loadBefore,
    loadAfter: load(),
    vmms: options.vmms.map(({ vmm, version }) => ({
      name: vmm.name,
      version,
      ...(vmm.note !== undefined && { note: vmm.note }),
    })),
    kernels,
  }
  return {
    schemaVersion,
    kind: 'boot',
    ufr: options.ufr,
    startedAt,
    endedAt: new Date().toISOString(),
    partial: !whole,
    machine: options.machine,
    conditions,
    runs,
    discard,
    leftOut,
    cells: inOrder(cells),
  }
}

/** Functions of the same name get the words by which they were named with it. */
function tellApart(cells: readonly Cell[]): void {
  const sources = new Map<string, Set<string>>()
  for (const { function: name, source } of cells)
    sources.set(name, (sources.get(name) ?? new Set()).add(source))
  for (const cell of cells) {
    const { function: name, source } = cell
    if ((sources.get(name)?.size ?? 0) > 1) cell.function = `${name} (${source})`
  }
}

/** @throws UfrError UFR-USAGE where no run would be left to look at. */
export function requireRuns(runs: number, discard: number): void {
  if (runs > discard) return
  throw new UfrError('UFR-USAGE', `of ${runs} runs none is left after ${discard} are discarded`, {
    fix: `Ask for more runs than are discarded, such as --runs ${discard + 5} --discard ${discard}.`,
  })
}

function cachesText(discard: number): string {
  const built = 'Images are built before, and in the page cache once they were read'
  if (discard === 0) return `${built}; no run is discarded, so the first may have read them from the disk.`
  return `${built}: ${discard === 1 ? 'the first run' : `the first ${discard} runs`} of each cell, which ${discard === 1 ? 'does' : 'do'} that, ${discard === 1 ? 'is' : 'are'} discarded.`
}

/** Of what is there in the store, so that a kernel that is missing is told before anything is built. */
async function openKernels({ kernels, progress }: BootOptions): Promise<Conditions['kernels']> {
  const found: Conditions['kernels'] = []
  for (const { name, version } of kernels) {
    const { kernel } = await unikernels.find((kind) => kind.name === name)!.open(progress, version)
    found.push({ name, version: kernel.version, digest: kernel.digest })
  }
  return found
}

/** Cells of one kernel and VMM together, each function with all that was started for it. */
function inOrder(cells: readonly Cell[]): Cell[] {
  const places = (of: (cell: Cell) => string) => [...new Set(cells.map(of))]
  const tables = places(tableOf)
  const functions = places((cell) => cell.function)
  const place = (cell: Cell) => [tables.indexOf(tableOf(cell)), functions.indexOf(cell.function)]
  return cells.toSorted((a, b) => {
    const [[tableA, functionA], [tableB, functionB]] = [place(a), place(b)]
    return tableA! - tableB! || functionA! - functionB!
  })
}
