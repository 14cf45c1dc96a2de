import { Tree } from '../../../src/image/tree.ts'
import type { Program } from '../../../src/language/program.ts'
import type { MachineSettings } from '../../../src/unikernel/unikernel.ts'
import type { VmmTraits } from '../../../src/vmm/vmm.ts'

/** A static program that nothing is known of, but for what a test says. */
export function program(what: Partial<Program> = {}): Program {
  const base = new Tree()
  return {
    base: { key: 'k', title: 't', topLevel: [], tree: () => base },
    task: new Tree(),
    executable: '/var/task/main',
    argv: ['main'],
    environment: {},
    workingDirectory: '/var/task',
    tellsReady: false,
    ...what,
  }
}

const traits: VmmTraits = {
  accel: 'tcg',
  boards: ['microvm', 'pc'],
  protocols: ['pvh'],
  links: ['user'],
  errorLine: true,
  exitDevice: true,
  commandLineBytes: 4096,
  extendsCommandLine: false,
}

export function settings(
  what: Partial<VmmTraits> = {},
  network: MachineSettings['network'] = { link: 'user', egress: false },
): MachineSettings {
  return { memoryMiB: 128, cpus: 1, traits: { ...traits, ...what }, network, program: false }
}
