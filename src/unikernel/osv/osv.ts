import fs from 'node:fs'
import { fileContent, textContent } from '../../image/content.ts'
import { digestOf, freezeTree } from '../../image/digest.ts'
import { planRofs } from '../../image/formats/rofs/writer.ts'
import type { Layout } from '../../image/layout.ts'
import type { Volume, VolumePlan } from '../../image/store/volume.ts'
import { type Kernel, kernelFile, kernelFiles } from '../../kernel/store.ts'
import type { Program } from '../../language/program.ts'
import type { MachineSpec } from '../../vmm/machine.ts'
import type { ImagePlan, MachineSettings, Unikernel } from '../unikernel.ts'
import { commandLine, machineLine } from './command-line.ts'
import { exitStatus, kernelLine } from './console.ts'
import { planBootDisk, planOsvDisk } from './disk.ts'
import { baseTree, startTree, wholeTree } from './root.ts'
import { startOf } from './start.ts'

/** Raise it when what is built here changes without its inputs changing: old volumes in the store no longer fit then. */
const formatVersion = 'osv-2'

/** OSv: the base as its root, and on a second disk the function with how it is to be started. Nobody writes to either. */
export function osv(kernel: Kernel): Unikernel {
  return {
    name: 'osv',
    kernel,
    leastMemoryMiB: 32,
    forks: false,
    entryDescriptor: 1,
    links: ['user', 'tap'],
    plan,
    machine: (program, volumes, settings) => machine(kernel, program, volumes, settings),
    guestTree: (program) => wholeTree(program, startOf(program).script),
    disk: (program) => disk(kernel, program),
    kernelLine: (line, state = { started: true }) => kernelLine(line, state),
    carriageReturns: true,
    exitStatus,
    worthRetrying: () => false,
  }
}

function plan(program: Program): ImagePlan {
  const { script, variables } = startOf(program)
  return {
    volumes: { base: base(program), function: functionVolume(program, script) },
    settings: [program.workingDirectory, ...variables],
  }
}

function base(program: Program): VolumePlan {
  return {
    key: digestOf(formatVersion, 'base', program.base.key),
    title: `${program.base.title} for osv`,
    layout: () => planOsvDisk(planRofs(baseTree(program))),
  }
}

function functionVolume(program: Program, script: string): VolumePlan {
  const { tree, digest } = freezeTree(program.task)
  return {
    key: digestOf(formatVersion, 'function', digest, script),
    title: 'function',
    layout: () => planOsvDisk(planRofs(tree), planRofs(startTree(script))),
  }
}

function machine(
  kernel: Kernel,
  program: Program,
  volumes: Record<string, Volume>,
  settings: MachineSettings,
): MachineSpec {
  const disk = (role: string) => ({
    file: volumes[role]!.file,
    digest: volumes[role]!.key,
    mode: 'read-only' as const,
  })
  // It wants a clock, HPET or a hypervisor's, and to be told of devices by PCI or its command line. QEMU's microvm has
  // no such clock when emulated, and tells of its devices by ACPI.
  const board = settings.traits.boards.includes('pc') ? 'pc' : 'microvm'
  return {
    kernel: { file: kernelFile(kernel, 'kernel'), digest: kernel.digest, protocols: ['pvh', 'linux'] },
    board,
    commandLine: machineLine(startOf(program), program.workingDirectory, board, settings),
    disks: [disk('base'), disk('function')],
    memoryMiB: settings.memoryMiB,
    cpus: settings.cpus,
    ...(settings.network && { network: settings.network }),
    // OSv writes everything to all of its consoles.
    errorLine: false,
    // Its driver for virtio-rng does without PCI by crashing (drivers/virtio-rng.cc); it has RDRAND besides.
    entropy: board === 'pc',
  }
}

/**
 * With upstream's boot loader it starts by itself. Only kernels of a build folder have that: else it is a disk as of
 * upstream's `scripts/build --create-disk`, and holds kernel and command line as files.
 */
function disk(kernel: Kernel, program: Program): Layout {
  const { script, variables } = startOf(program)
  const tree = wholeTree(program, script)
  const line = commandLine({
    flags: ['power-off-on-abort'],
    options: [
      ['rootfs', 'rofs'],
      ['cwd', program.workingDirectory],
      ...variables.map((setting): [string, string] => ['env', setting]),
    ],
  })
  const [loader] = kernelFiles(kernel, 'boot')
  if (loader !== undefined) return planBootDisk(planRofs(tree), fs.readFileSync(loader), line)
  const file = kernelFile(kernel, 'kernel')
  tree.file('boot/loader.elf', fileContent(file, fs.statSync(file).size))
  tree.file('boot/cmdline', textContent(`${line}\n`))
  return planOsvDisk(planRofs(tree))
}
