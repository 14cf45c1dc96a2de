import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import { ufrHome } from '../../src/base/paths.ts'
import { listRuntimes } from '../../src/kernel/runtimes.ts'
import { listKernels } from '../../src/kernel/store.ts'
import type { Accel } from '../../src/vmm/vmm.ts'
import { chooseVmm } from '../../src/vmm/vmms.ts'

/** What a figure depends on besides the code. */
export interface Machine {
  date: string
  processor: string
  cores: number
  memoryGiB: number
  hostKernel: string
  /** Of the folder in which images are. */
  fileSystem: string
  node: string
  qemu: string
  accel: Accel
  /** Why guests run that way. */
  accelReason: string
  kernels: string[]
  runtimes: string[]
  /** Processes that wanted to run, averaged over a minute, before and after. */
  loadBefore: number
  loadAfter?: number
}

/** Looks at the machine, and decides how guests run on it as `ufr run` does. */
export async function lookAtMachine(): Promise<Machine> {
  const vmm = chooseVmm('auto')
  const { accel, reason } = await vmm.chooseAccel('auto')
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    hostKernel: os.release(),
    fileSystem: fileSystemOf(ufrHome()),
    node: process.version,
    qemu: vmm.version(),
    accel,
    accelReason: reason,
    kernels: listKernels().kernels.map(({ name, version }) => `${name}@${version}`),
    runtimes: listRuntimes().runtimes.map(({ language, version }) => `${language}@${version}`),
    loadBefore: load(),
  }
}

export function load(): number {
  return Math.round(os.loadavg()[0]! * 100) / 100
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
  const { cores, processor, memoryGiB, hostKernel, fileSystem, node, qemu, accel, accelReason } = machine
  const how = accel === 'tcg' ? `EMULATED (tcg): ${accelReason}` : `kvm: ${accelReason}`
  return [
    `Machine   ${cores} cores (${processor}), ${memoryGiB} GiB, Linux ${hostKernel}, images on ${fileSystem}`,
    `Versions  Node.js ${node}, QEMU ${qemu}; ${[...machine.kernels, ...machine.runtimes].join(', ')}`,
    `Guests    ${how}`,
    `Load      ${machine.loadBefore} before, ${machine.loadAfter ?? '?'} after; ${machine.date}`,
    '',
  ].join('\n')
}
