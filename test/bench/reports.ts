import type { BootReport, Cell, CellRun } from '../../src/bench/report.ts'
import { statisticsOf } from '../../src/bench/steps.ts'

/** A run that answered after so many milliseconds. */
export function run(response: number, round = 2, discarded = false): CellRun {
  const phases = { vmm: 0, vcpu: 5, kernel: 20, entry: 40, ready: response - 10, response }
  return { round, discarded, phases, error: null }
}

export function failed(round = 2, discarded = false): CellRun {
  return { round, discarded, phases: null, error: { code: 'UFR-GUEST-DIED', message: 'the guest ended' } }
}

/** A cell with these answers, after one that is not counted. */
export function cell(answers: readonly (number | 'failed')[], more: Partial<Cell> = {}): Cell {
  const counted = answers.map((each, i) => (each === 'failed' ? failed(i + 2) : run(each, i + 2)))
  const runs = more.runs ?? [run(9999, 1, true), ...counted]
  return {
    function: 'hello',
    source: 'hello-node',
    runtime: 'nodejs24.x',
    unikernel: 'nanos',
    kernelVersion: '0.1.54',
    vmm: 'qemu',
    accel: 'tcg',
    arm: 'ufr',
    image: { digest: 'a'.repeat(64), bytes: 1 },
    entryOf: '/lib64/ld.so',
    notes: [],
    reason: null,
    ...more,
    runs,
    statistics: statisticsOf(runs),
  }
}

export function report(cells: Cell[], more: Partial<BootReport> = {}): BootReport {
  return {
    schemaVersion: 1,
    kind: 'boot',
    ufr: '0.1.0',
    startedAt: '2026-11-24T01:00:00.000Z',
    endedAt: '2026-11-24T01:05:00.000Z',
    partial: false,
    machine: {
      processor: 'AMD EPYC',
      cores: 2,
      memoryGiB: 24,
      hostKernel: '6.1.0',
      emulated: false,
      node: 'v24.21.0',
    },
    conditions: {
      accel: 'tcg',
      accelReason: 'no /dev/kvm',
      cpus: null,
      pinning: 'as asked for',
      caches: 'Warm.',
      loadBefore: 1,
      loadAfter: 2,
      vmms: [{ name: 'qemu', version: '7.2.22' }],
      kernels: [{ name: 'nanos', version: '0.1.54', digest: 'b'.repeat(64) }],
    },
    runs: 6,
    discard: 1,
    leftOut: [],
    cells,
    ...more,
  }
}
