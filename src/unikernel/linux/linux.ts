import fs from 'node:fs'
import path from 'node:path'
import { bytesContent, fileContent, textContent } from '../../image/content.ts'
import { digestOf, digestUuid, freezeTree } from '../../image/digest.ts'
import { planCpio } from '../../image/formats/cpio/writer.ts'
import { planErofs } from '../../image/formats/erofs/writer.ts'
import { layoutBytes } from '../../image/layout.ts'
import { skeleton } from '../../image/skeleton.ts'
import type { Volume, VolumePlan } from '../../image/store/volume.ts'
import { Tree } from '../../image/tree.ts'
import { type Kernel, kernelFile, kernelFiles } from '../../kernel/store.ts'
import { type Program, taskFolder } from '../../language/program.ts'
import { type Mark, markNames } from '../../link/marks.ts'
import { guestCallsRelay, guestRelay } from '../../link/relay/file.ts'
import { guestNetwork, type MachineSpec } from '../../vmm/machine.ts'
import type { ImagePlan, MachineSettings, Unikernel } from '../unikernel.ts'
import {
  busyboxPath,
  callsParameter,
  callsRelayPath,
  deviceLinks,
  entryDescriptor,
  errorsParameter,
  firstTable,
  functionMount,
  gatewayParameter,
  initScript,
  initTable,
  relayPath,
  startScript,
  startStage,
  vsockParameter,
  writableFolders,
} from './init.ts'

/** Raise it when what is built here changes without its inputs changing: old volumes in the store no longer fit then. */
const formatVersion = 'linux-2'

/**
 * Modules that the store has for other machines and that nothing here needs: each costs some 10 ms of an emulated
 * start. Named, rather than those that are needed, because what those depend on differs by kernel.
 */
const unused = /^(virtio_pci|virtio_console)/
/** The module for a root that can be written to. */
const forWriting = /^overlay/
/** Modules that are loaded only where the host comes over vsock. */
const forVsock = /^(vsock|vmw_vsock)/

/**
 * The single-application Linux guest: an initramfs, a read-only root shared by functions, and the function's disk.
 * @param observing tells on the second serial line which files the program asks for (observe.ts).
 */
export function linux(kernel: Kernel, observing = false): Unikernel {
  return {
    name: 'linux',
    kernel,
    leastMemoryMiB: 96,
    forks: true,
    entryDescriptor,
    links: ['user', 'tap', 'vsock'],
    plan: (program) => plan(kernel, program, observing),
    machine: (_program, volumes, settings) => machine(kernel, volumes, settings, observing),
    guestTree: (program) => guestTree(kernel, program),
    disk: (program) =>
      planErofs(wholeTree(kernel, program), { uuid: digestUuid(program.base.key), label: 'ufr' }),
    kernelLine: (line) => (/^\[ *\d+\.\d+\] /.test(line) ? {} : undefined),
    carriageReturns: true,
    exitStatus: (_exit, { marks }) => exitStatus(marks),
    worthRetrying: () => false,
  }
}

function plan(kernel: Kernel, program: Program, observing: boolean): ImagePlan {
  return {
    volumes: {
      initramfs: initramfs(kernel, true, program.writable),
      base: base(kernel, program),
      function: functionVolume(program, observing),
    },
    settings: [],
  }
}

function initramfs(kernel: Kernel, ownDisk: boolean, writable = false): VolumePlan {
  const table = initTable(ownDisk, writable)
  const modules = kernelFiles(kernel, 'module').filter((file) => {
    const name = path.basename(file)
    return !unused.test(name) && (writable || !forWriting.test(name))
  })
  const names = modules.map((_, index) => `${String(index).padStart(2, '0')}.ko`)
  const isForVsock = (_name: string, index: number) => forVsock.test(path.basename(modules[index]!))
  const script = initScript(
    names.filter((name, index) => !isForVsock(name, index)),
    names.filter(isForVsock),
    writable,
  )
  const relays = { [relayPath]: guestRelay(), [callsRelayPath]: guestCallsRelay() }
  const programs = Object.values(relays).map((relay) => relay.toString('base64'))
  const parts = [script, table, writable ? firstTable : '', JSON.stringify(deviceLinks), ...programs]
  return {
    key: digestOf(formatVersion, 'initramfs', kernel.digest, ...parts),
    title: `initramfs of linux ${kernel.version}`,
    layout() {
      const tree = new Tree()
      for (const folder of ['dev', 'root', 'proc', 'sys']) tree.directory(folder)
      tree.directory('etc/dev/shm', 0o1777)
      for (const [name, target] of Object.entries(deviceLinks)) tree.link(`etc/dev/${name}`, target)
      tree.file('init', textContent(script), 0o755)
      tree.file('etc/fstab', textContent(table))
      if (writable) {
        tree.file('etc/fstab.first', textContent(firstTable))
        for (const folder of writableFolders) tree.directory(folder)
      }
      tree.file('bin/busybox', hostFile(kernelFile(kernel, 'busybox')), 0o755)
      for (const [name, relay] of Object.entries(relays)) tree.file(name, bytesContent(relay), 0o755)
      modules.forEach((file, index) => {
        tree.file(`lib/modules/${names[index]}`, hostFile(file))
      })
      return planCpio(tree)
    },
  }
}

function base(kernel: Kernel, program: Program): VolumePlan {
  const key = digestOf(formatVersion, 'base', program.base.key, kernel.digest)
  return {
    key,
    title: `${program.base.title} for linux`,
    layout: () => planErofs(baseTree(kernel, program), { uuid: digestUuid(key), label: 'base' }),
  }
}

function baseTree(kernel: Kernel, program: Program): Tree {
  return skeleton(guestNetwork)
    .merge(program.base.tree())
    .directory(functionMount)
    .file(busyboxPath, hostFile(kernelFile(kernel, 'busybox')), 0o755)
}

function functionVolume(program: Program, observing: boolean): VolumePlan {
  const { tree: task, digest } = freezeTree(program.task)
  const start = startStage(program, observing)
  const key = digestOf(formatVersion, 'function', digest, start)
  return {
    key,
    title: 'function',
    layout() {
      const tree = new Tree().merge(task, 'task').directory('task')
      tree.file(startScript, textContent(start), 0o755)
      return planErofs(tree, { uuid: digestUuid(key), label: 'function' })
    },
  }
}

function guestTree(kernel: Kernel, program: Program): Tree {
  return baseTree(kernel, program)
    .merge(program.task, taskFolder)
    .file(`${functionMount}/${startScript}`, textContent(startStage(program)), 0o755)
}

/** Everything in one tree, the kernel included: what an exported disk holds. */
function wholeTree(kernel: Kernel, program: Program): Tree {
  const archive = layoutBytes(initramfs(kernel, false, program.writable).layout())
  return guestTree(kernel, program)
    .file('boot/vmlinux', hostFile(kernelFile(kernel, 'vmlinux')))
    .file('boot/initramfs', bytesContent(archive))
}

function machine(
  kernel: Kernel,
  volumes: Record<string, Volume>,
  settings: MachineSettings,
  observing: boolean,
): MachineSpec {
  const file = (role: string) => ({ file: volumes[role]!.file, digest: volumes[role]!.key })
  const disk = (role: string) => ({ ...file(role), mode: 'read-only' as const })
  const parameters = [
    'console=ttyS0',
    'quiet',
    'panic=-1',
    'reboot=t',
    'tsc=reliable',
    'no_timer_check',
    'cryptomgr.notests',
  ]
  if (settings.tscKhz !== undefined) parameters.push(`tsc_early_khz=${settings.tscKhz}`)
  const errorLine = (settings.program || observing) && settings.traits.errorLine
  if (errorLine && !observing) parameters.push(`${errorsParameter}=/dev/ttyS1`)
  if (settings.network?.egress) parameters.push(`${gatewayParameter}=${guestNetwork.gateway}`)
  if (settings.network?.link === 'vsock') {
    parameters.push(`${vsockParameter}=1`)
    if (settings.network.calls) parameters.push(`${callsParameter}=1`)
  }
  return {
    kernel: { file: kernelFile(kernel, 'vmlinux'), digest: kernel.digest, protocols: ['pvh', 'linux'] },
    board: 'microvm',
    initrd: file('initramfs'),
    commandLine: parameters.join(' '),
    disks: [disk('base'), disk('function')],
    memoryMiB: settings.memoryMiB,
    cpus: settings.cpus,
    ...(settings.network && { network: settings.network }),
    errorLine,
    entropy: true,
  }
}

function exitStatus(marks: Mark[]): number | undefined {
  const value = marks.findLast((mark) => mark.name === markNames.exit)?.value
  return value === undefined ? undefined : Number(value)
}

function hostFile(file: string) {
  return fileContent(file, fs.statSync(file).size)
}
