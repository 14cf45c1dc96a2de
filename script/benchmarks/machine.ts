import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { ufrHome } from '../../src/base/paths.ts'
import { type Machine as HostMachine, load, lookAtMachine as lookAtHost } from '../../src/bench/machine.ts'
import type { VmmsHere } from '../../src/bench/vmms.ts'
import { listRuntimes } from '../../src/kernel/runtimes.ts'
import { listKernels } from '../../src/kernel/store.ts'
import type { Accel } from '../../src/vmm/vmm.ts'

/** What a figure depends on besides the code. */
export interface Machine extends HostMachine {
  date: string
  /** Of the folder in which images are. */
  fileSystem: string
  vmms: { name: string; version: string; accel: Accel; reason: string }[]
  missingVmms: Pick<VmmsHere['missing'][number], 'name' | 'reason'>[]
  kernels: string[]
  runtimes: string[]
  /** Processes that wanted to run, averaged over a minute, before and after. */
  loadBefore: number
  loadAfter?: number
}

/** Looks at the machine. */
export function lookAtMachine({ usable, missing }: VmmsHere): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    ...lookAtHost(),
    fileSystem: fileSystemOf(ufrHome()),
    vmms: usable.map(({ vmm: { name }, version, accel, reason }) => ({ name, version, accel, reason })),
    missingVmms: missing.map(({ name, reason }) => ({ name, reason })),
    kernels: listKernels().kernels.map(({ name, version }) => `${name}@${version}`),
    runtimes: listRuntimes().runtimes.map(({ language, version }) => `${language}@${version}`),
    loadBefore: load(),
  }
}

function fileSystemOf(folder: string): string {
  try {
    return execFileSync('stat', ['-f', '-c', '%T', fs.realpathSync(folder)], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

/** The machine in a few lines. */
export function machineText(machine: Machine): string {
  const { cores, processor, memoryGiB, hostKernel, fileSystem, node, emulated } = machine
  const versions = machine.vmms.map(({ name, version }) => `${name} ${version}`)
  return [
    `Machine   ${cores} cores (${processor}), ${memoryGiB} GiB, Linux ${hostKernel}, images on ${fileSystem}`,
    `Versions  Node.js ${node}, ${[...versions, ...machine.kernels, ...machine.runtimes].join(', ')}`,
    ...machine.vmms.map(
      ({ name, accel, reason }) => `Guests    on ${name}: ${how(accel, emulated)}, ${reason}`,
    ),
    ...machine.missingVmms.map(({ name, reason }) => `Without   ${name}: ${reason}`),
    `Load      ${machine.loadBefore} before, ${machine.loadAfter ?? '?'} after; ${machine.date}`,
    '',
  ].join('\n')
}

function how(accel: Accel, emulated: boolean): string {
  if (accel === 'tcg') return 'EMULATED (tcg)'
  return emulated ? 'kvm, NESTED IN EMULATION (only ratios mean anything)' : 'kvm'
}
