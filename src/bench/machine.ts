import os from 'node:os'

/** The machine that figures come from. */
export interface Machine {
  processor: string
  cores: number
  memoryGiB: number
  /** Release of its kernel. */
  hostKernel: string
  /** Whether its processor is itself an emulated one: KVM in it works, and is emulated step by step. */
  emulated: boolean
  /** Version of Node.js, which ufr runs on. */
  node: string
}

export function lookAtMachine(): Machine {
  return {
    processor: processorName(),
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    hostKernel: os.release(),
    emulated: isEmulated(),
    node: process.version,
  }
}

/** By QEMU's name for the processor that only its emulation has (qemu: target/i386/cpu.c, `max`). */
export function isEmulated(): boolean {
  return processorName().startsWith('QEMU TCG')
}

export function processorName(): string {
  return os.cpus()[0]?.model.trim() ?? 'unknown'
}

/** Processes that want to run, averaged over a minute. */
export function load(): number {
  return Math.round(os.loadavg()[0]! * 100) / 100
}
