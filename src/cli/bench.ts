import path from 'node:path'
import { writeFileAtomic } from '../base/atomic.ts'
import { UfrError } from '../base/errors.ts'
import { type BootOptions, measureBoot, requireRuns } from '../bench/boot.ts'
import { chooseFunctions, chooseKernels, chooseVmms, type KernelChoice } from '../bench/choose.ts'
import { lookAtMachine } from '../bench/machine.ts'
import { choosePeers } from '../bench/peers/peers.ts'
import { csvReport } from '../bench/render/csv.ts'
import { markdownReport } from '../bench/render/markdown.ts'
import { svgReport } from '../bench/render/svg.ts'
import { hasFigures } from '../bench/render/words.ts'
import type { BootReport } from '../bench/report.ts'
import { lookForVmms, oneAccel, type UsableVmm } from '../bench/vmms.ts'
import { environmentSettings, flagSettings } from '../function/settings.ts'
import type { VmmName } from '../function/spec.ts'
import { findKernel } from '../kernel/store.ts'
import type { Accel } from '../vmm/vmm.ts'
import { chart } from './bench-chart.ts'
import { readCount, readOut, readPinning, textOption } from './bench-input.ts'
import { readAccel, readEvent, readLink, readRequestPath } from './input.ts'
import { type Action, type Call, interrupted, printJson } from './outcome.ts'
import type { BenchBootReport } from './schema/bench.ts'
import { packageVersion } from './version.ts'

export const usualRuns = 6
export const usualDiscard = 1
/** The event that all examples answer. */
const usualEvent = Buffer.from('{"name":"Ada"}')

export const benchBoot: Action = async (call) => {
  const { options } = call
  const counts = readCounts(options)
  const functions = chooseFunctions(textOption(options, 'functions'))
  const kernels = readKernels(options)
  const peers = choosePeers(textOption(options, 'peers'))
  const out = readOut(options['out'])
  const { vmms, accel, accelReason } = await readVmms(options)
  const settings = await commonOptions(call)
  const report = await measured(call, {
    ...{ ...settings, ...counts, functions, kernels, peers, vmms, accel, accelReason },
    control: options['control'] !== false,
  })
  if (out !== undefined) writeReports(report, out)
  if (call.json) printJson<BenchBootReport>(report)
  else process.stdout.write(markdownReport(report))
  if (out !== undefined)
    call.progress.note(`Wrote report.md, report.json, report.csv and report.svg into ${out}.`)
  if (report.partial) {
    call.progress.note(
      'Interrupted: the report has what was measured until then, and says that it is partial.',
    )
    return interrupted
  }
  return report.cells.some(hasFigures) ? 0 : 1
}

/**
 * The kernels that --unikernels names; without it those of the store.
 * @throws UfrError UFR-USAGE; UFR-KERNEL-MISSING for one that is not there, unless it is one that is fetched.
 */
export function readKernels(options: Call['options']): KernelChoice[] {
  const kernels = chooseKernels(textOption(options, 'unikernels'))
  if (kernels.length === 0) {
    throw new UfrError('UFR-KERNEL-MISSING', 'there is no kernel in the store to measure')
  }
  for (const { name, version } of kernels) {
    if (name !== 'linux' || version !== undefined) findKernel(name, version)
  }
  return kernels
}

/** --runs and --discard. @throws UfrError UFR-USAGE where none would be left. */
export function readCounts(options: Call['options']): { runs: number; discard: number } {
  const runs = readCount('--runs', options['runs'], usualRuns, 1)
  const discard = readCount('--discard', options['discard'], usualDiscard, 0)
  requireRuns(runs, discard)
  return { runs, discard }
}

/**
 * The VMMs that --vmms names; without it those that can be used.
 * @throws UfrError of the first that was named and cannot be used; UFR-USAGE where guests run in more than one way.
 */
export async function readVmms(
  options: Call['options'],
): Promise<{ vmms: UsableVmm[]; accel: Accel; accelReason: string }> {
  const names: VmmName[] | undefined = chooseVmms(textOption(options, 'vmms'))
  const { usable, missing } = await lookForVmms(names, readAccel(options['accel']))
  const [lacking] = missing
  if (lacking && (names !== undefined || usable.length === 0)) throw lacking.error
  const { accel, reason } = oneAccel(usable)
  return { vmms: usable, accel, accelReason: reason }
}

/** What all benchmarks take from the command line. */
export async function commonOptions(
  call: Call,
): Promise<Pick<BootOptions, 'link' | 'overrides' | 'question' | 'progress' | 'signal' | 'ufr' | 'machine'>> {
  const { options, progress, signal } = call
  const event = (await readEvent(options['event'], signal)) ?? usualEvent
  return {
    link: readLink(options['link']),
    overrides: { ...environmentSettings(), ...flagSettings(options) },
    question: { event, path: readRequestPath(options['request']) ?? '/' },
    machine: lookAtMachine(),
    ufr: packageVersion(),
    progress,
    signal,
  }
}

/** Measures while a chart shows how far it is, on CPUs of its own where they are to be had. */
export async function measured(
  { options, json, progress }: Call,
  settings: Omit<BootOptions, 'pinning'>,
): Promise<BootReport> {
  const pinning = readPinning(options['pin'])
  const shown = json && !process.stderr.isTTY ? undefined : chart(settings.runs)
  try {
    return await measureBoot({ ...settings, pinning, ...(shown && { watch: shown.watcher }) })
  } finally {
    shown?.end()
    progress.done()
    pinning.undo()
  }
}

/** Each file whole or not at all. @throws UfrError UFR-DATA */
export function writeReports(report: BootReport, folder: string): void {
  const files = {
    'report.json': `${JSON.stringify(report, null, 2)}\n`,
    'report.md': markdownReport(report),
    'report.csv': csvReport(report),
    'report.svg': svgReport(report),
  }
  for (const [name, text] of Object.entries(files)) writeFileAtomic(path.join(folder, name), text)
}
