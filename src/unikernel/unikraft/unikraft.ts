import { UfrError } from '../../base/errors.ts'
import { bytesContent } from '../../image/content.ts'
import { digestOf, freezeTree } from '../../image/digest.ts'
import { planCpio } from '../../image/formats/cpio/writer.ts'
import type { Volume, VolumePlan } from '../../image/store/volume.ts'
import type { Kernel } from '../../kernel/store.ts'
import type { Program } from '../../language/program.ts'
import type { MachineSpec } from '../../vmm/machine.ts'
import type { ImagePlan, MachineSettings, Unikernel } from '../unikernel.ts'
import { commandLine } from './command-line.ts'
import { exitStatus, kernelLine } from './console.ts'
import { fileFor, type KernelProtocol, kernelProtocols, readKernel, vmmNames } from './kernel-file.ts'
import { raisedKernel } from './raise.ts'
import { type Needs, needsOf, rootTree, startOf } from './root.ts'

/** Raise it when what is built here changes without its inputs changing: old volumes in the store no longer fit then. */
const formatVersion = 'unikraft-2'

const mebibyte = 1 << 20
/** What the kernel takes beside archive and files, stacks included. */
const kernelBytes = 4 * mebibyte

/** Unikraft's ELF loader: an archive that becomes the root in memory, in it a first program that starts the function's. */
export function unikraft(kernel: Kernel): Unikernel {
  return {
    name: 'unikraft',
    kernel,
    leastMemoryMiB: 16,
    forks: false,
    entryDescriptor: 1,
    links: ['user', 'tap'],
    plan: (program) => plan(kernel, program),
    machine: (program, volumes, settings) => machine(kernel, program, volumes, settings),
    guestTree: (program) => rootTree(program, program.task),
    disk: (program) => planCpio(rootTree(program, program.task)),
    kernelLine: (line, state = { started: true }) => kernelLine(line, state),
    carriageReturns: true,
    exitStatus,
    worthRetrying: () => false,
  }
}

/**
 * An archive ends where its last entry says so, and a kernel is given one file: so base and function are in one. A
 * base could only be kept apart as a beginning that is copied for each function, which is what writing it anew is.
 */
function plan(kernel: Kernel, program: Program): ImagePlan {
  const { tree: task, digest } = freezeTree(program.task)
  const start = startOf(program).toString('base64')
  const root: VolumePlan = {
    key: digestOf(formatVersion, 'root', program.base.key, digest, program.executable, start),
    title: 'function and its base',
    layout: () => planCpio(rootTree(program, task)),
  }
  const raised = raisedVolume(kernel, program)
  return { volumes: { root, ...(raised && { kernel: raised }) }, settings: [] }
}

/** Where the archive would come to lie on a program that is linked to an address: a kernel that takes more room. */
function raisedVolume(kernel: Kernel, program: Program): VolumePlan | undefined {
  const file = fileFor(kernel, 'multiboot')
  const end = file === undefined ? 0 : needsOf(program).fixedEnd
  if (file === undefined || end === 0) return undefined
  return {
    key: digestOf(formatVersion, 'kernel', kernel.digest, String(end)),
    title: `unikraft ${kernel.version}, leaving room below ${(end / mebibyte).toFixed()} MiB`,
    layout() {
      const content = bytesContent(raisedKernel(readKernel(file), end))
      return { size: content.size, pieces: [{ offset: 0, content }] }
    },
  }
}

function machine(
  kernel: Kernel,
  program: Program,
  volumes: Record<string, Volume>,
  settings: MachineSettings,
): MachineSpec {
  const { root, kernel: raised } = volumes
  const { protocol, file } = chosenKernel(kernel, settings)
  const own = protocol === 'multiboot' && raised ? raised : { file, key: kernel.digest }
  requireMemory(root!.bytes, needsOf(program), settings.memoryMiB)
  requirePlainPath(protocol, own.file)
  return {
    kernel: { file: own.file, digest: own.key, protocols: [protocol] },
    // The kernel for QEMU looks for its devices on PCI, that for Firecracker by the command line.
    board: settings.traits.boards.includes('pc') ? 'pc' : 'microvm',
    initrd: { file: root!.file, digest: root!.key },
    commandLine: commandLine(protocol, settings.network !== undefined),
    disks: [],
    memoryMiB: settings.memoryMiB,
    cpus: settings.cpus,
    ...(program.triedByFault && { cpuFeatures: program.triedByFault.map((name) => `-${name}`) }),
    ...(settings.network && { network: settings.network }),
    // There is one console for everything a program writes, and no driver for a source of random numbers.
    errorLine: false,
    entropy: false,
  }
}

/** @throws UfrError UFR-MACHINE where the kernel is not for such a VMM. */
function chosenKernel(
  kernel: Kernel,
  { traits }: MachineSettings,
): { protocol: KernelProtocol; file: string } {
  for (const protocol of kernelProtocols) {
    const file = traits.protocols.includes(protocol) ? fileFor(kernel, protocol) : undefined
    if (file !== undefined) return { protocol, file }
  }
  const wanted = kernelProtocols.filter((protocol) => traits.protocols.includes(protocol))
  const [name] = wanted.length > 0 ? wanted.map((protocol) => vmmNames[protocol]) : ['another VMM']
  throw new UfrError('UFR-MACHINE', `unikraft ${kernel.version} in the store has no kernel for ${name}`, {
    fix: `Upstream builds one for each VMM: add that for ${name} by \`ufr kernel import unikraft FILE\`, or take another --vmm.`,
  })
}

/** @throws UfrError UFR-USAGE where the archive and what is made of it do not fit: the kernel would crash. */
function requireMemory(archive: number, { fixedEnd, heap }: Needs, memoryMiB: number): void {
  const least = Math.ceil(Math.max(archive + heap + kernelBytes, fixedEnd + archive) / mebibyte)
  if (memoryMiB >= least) return
  const files = `${Math.ceil(archive / mebibyte)} MiB of files`
  throw new UfrError('UFR-USAGE', `unikraft cannot start this function in ${memoryMiB} MiB of memory`, {
    fix: `Give it ${least} MiB, and room for the program: --memory, or "memory" in ufr.json.`,
    detail: [
      `Its ${files} are there twice at first, as an archive and as files, large ones with much room around them.`,
    ],
  })
}

/** @throws UfrError UFR-MACHINE for a path that would not be one word at the beginning of the kernel's command line. */
function requirePlainPath(protocol: KernelProtocol, file: string): void {
  if (protocol !== 'multiboot' || !/[\s'"\\]/.test(file)) return
  throw new UfrError('UFR-MACHINE', `unikraft cannot be started from ${file}`, {
    fix: 'The path is part of its command line: set UFR_HOME to one without spaces, quotes and backslashes.',
  })
}
