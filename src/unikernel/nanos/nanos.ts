import fs from 'node:fs'
import { UfrError } from '../../base/errors.ts'
import { fileContent } from '../../image/content.ts'
import { digestOf, digestUuid, freezeTree } from '../../image/digest.ts'
import { planTfs } from '../../image/formats/tfs/writer.ts'
import type { Layout } from '../../image/layout.ts'
import type { Volume, VolumePlan } from '../../image/store/volume.ts'
import { type Kernel, kernelFile, kernelFiles } from '../../kernel/store.ts'
import type { Program } from '../../language/program.ts'
import { type Mark, markNames } from '../../link/marks.ts'
import { guestNetwork, type MachineSpec } from '../../vmm/machine.ts'
import type { VmExit } from '../../vmm/vmm.ts'
import type { ImagePlan, KernelLine, MachineSettings, Unikernel } from '../unikernel.ts'
import { planNanosDisk } from './disk.ts'
import { baseLabel, baseTree, manifest, rootTree, wholeTree } from './root.ts'

/** Raise it when what is built here changes without its inputs changing: old volumes in the store no longer fit then. */
const formatVersion = 'nanos-2'

/**
 * Room in the root for what the guest writes, /tmp above all, as much as on AWS; a hole in the file. It is just more of
 * the disk behind the file system, which does not say itself how large it is.
 */
const scratchBytes = 512 << 20

/** Nanos: a small root of the function's own, and the base on a second, shared disk that is mounted beside it. */
export function nanos(kernel: Kernel): Unikernel {
  return {
    name: 'nanos',
    kernel,
    leastMemoryMiB: 32,
    forks: false,
    entryDescriptor: 1,
    links: ['user', 'tap'],
    plan,
    machine: (program, volumes, settings) => machine(kernel, program, volumes, settings),
    guestTree: wholeTree,
    disk: (program) => disk(kernel, program),
    kernelLine,
    carriageReturns: false,
    exitStatus,
    worthRetrying: ({ tail }) => tail().some((line) => lostRace.test(line)),
  }
}

/**
 * A volume whose first sector has not been read when the root is ready is not waited for (src/kernel/storage.c,
 * storage_when_ready): on a very slow disk the program is then looked for before the base is there.
 */
const lostRace = /unable to open program file|couldn't find program interpreter/

function plan(program: Program): ImagePlan {
  const shared = program.base.topLevel.length > 0
  return { volumes: { root: root(program, shared), ...(shared && { base: base(program) }) }, settings: [] }
}

function base(program: Program): VolumePlan {
  const room = program.writable ? scratchBytes : 0
  const key = digestOf(formatVersion, 'base', program.base.key, ...(program.writable ? ['writable'] : []))
  return {
    key,
    title: `${program.base.title} for nanos`,
    layout() {
      const { size, pieces } = planTfs(baseTree(program), { label: baseLabel, uuid: digestUuid(key) })
      return { size: size + room, pieces }
    },
  }
}

function root(program: Program, shared: boolean): VolumePlan {
  const { tree: task, digest } = freezeTree(program.task)
  const settings = manifest(program, shared)
  // The links lead into the base: which there are is decided by the base's key.
  const key = digestOf(formatVersion, 'root', digest, program.base.key, JSON.stringify(settings))
  return {
    key,
    title: 'function',
    layout() {
      const { size, pieces } = planTfs(rootTree(program, task), { uuid: digestUuid(key), manifest: settings })
      return planNanosDisk({ size: size + scratchBytes, pieces })
    },
  }
}

function disk(kernel: Kernel, program: Program): Layout {
  const loader = kernelFiles(kernel, 'boot')[0]
  if (!loader) {
    throw new UfrError('UFR-KERNEL-FILE', `nanos ${kernel.version} was imported without its boot loader`, {
      fix: 'Import the whole build tree or release folder: the boot loader is boot.img.',
    })
  }
  const tree = wholeTree(program)
  const uuid = digestUuid(digestOf(kernel.digest, program.base.key, freezeTree(program.task).digest))
  const file = kernelFile(kernel, 'kernel')
  return planNanosDisk(planTfs(tree, { uuid, manifest: manifest(program, false) }), {
    loader: fs.readFileSync(loader),
    kernel: fileContent(file, fs.statSync(file).size),
    uuid: digestUuid(kernel.digest),
  })
}

function machine(
  kernel: Kernel,
  program: Program,
  volumes: Record<string, Volume>,
  settings: MachineSettings,
): MachineSpec {
  const disk = (volume: Volume, mode: 'read-only' | 'scratch') => ({
    file: volume.file,
    digest: volume.key,
    mode,
  })
  const { root, base } = volumes
  if (settings.program && !settings.traits.exitDevice) {
    throw new UfrError(
      'UFR-MACHINE',
      'Nanos tells how a program ended by an exit device, which this VMM lacks',
      {
        fix: 'Use --vmm qemu, or --unikernel linux, osv or unikraft, which tell it on the console.',
      },
    )
  }
  return {
    // Firecracker's way into PVH ends in a triple fault (it reads 0xfffffffc); QEMU has no other for such a file.
    kernel: { file: kernelFile(kernel, 'kernel'), digest: kernel.digest, protocols: ['linux', 'pvh'] },
    board: 'microvm',
    // All settings are in the manifest: started by PVH, Nanos reads no command line.
    commandLine: '',
    // The root first: devices are probed in the opposite order, and the base has to be known before the root is ready.
    disks: [
      disk(root!, 'scratch'),
      ...(base ? [disk(base, program.writable ? 'scratch' : 'read-only')] : []),
    ],
    memoryMiB: settings.memoryMiB,
    cpus: settings.cpus,
    ...(settings.network && { network: settings.network }),
    // Nanos has one console for everything a program writes.
    errorLine: false,
    entropy: true,
  }
}

/** Since 0.1.53 the kernel's lines begin with a time; before, only their texts tell them apart. */
function kernelLine(line: string): KernelLine | undefined {
  const assigned = /^(?:\[\d+\.\d{6}\] )?en\d+: assigned (\S+)$/.exec(line)
  if (assigned)
    return assigned[1] === guestNetwork.address ? { mark: { name: markNames.network, value: undefined } } : {}
  return /^\[\d+\.\d{6}\] /.test(line) || line === 'NET: no network interface found' ? {} : undefined
}

/**
 * The exit device carries seven bits; a death by signal comes as the signal's number there, and as a line on the
 * console (src/unix/signal.c). 126 and 127 are what the kernel itself ends with.
 */
function exitStatus(
  exit: VmExit,
  console: { marks: Mark[]; tail(lines?: number): string[] },
): number | undefined {
  const status = exit.guestStatus
  if (status === undefined) return undefined
  const lines = console.tail(400)
  if (lines.some((line) => line.startsWith(`*** signal ${status} `))) return 128 + status
  const kernels = /program startup failed|assertion .* failed|no fault handler|multiple root filesystems/
  if (status >= 126 && lines.some((line) => kernels.test(line))) return undefined
  return status
}
