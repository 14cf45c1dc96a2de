import fs from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { UfrError } from '../../base/errors.ts'
import { findCommand, runCommand } from '../../base/process.ts'
import { extractTree } from '../../image/extract.ts'
import { Tree } from '../../image/tree.ts'
import { handlerPort } from '../../instance/run.ts'
import type { Kernel } from '../../kernel/store.ts'
import { kernelFile, kernelFiles } from '../../kernel/store.ts'
import { type Program, taskFolder } from '../../language/program.ts'
import { type Peer, unasked } from './peer.ts'
import { isFree } from './ports.ts'
import { questionOf, untilAnswer } from './tool.ts'

const command = 'ops'
/** The version by which the kernel goes in the tool's folder. */
const version = 'bench'
const image = 'bench'
const tarBlocks = Buffer.alloc(1024)

/** The command line of Nanos' makers, with the same kernel, files and arguments, in an image of its own making. */
export const ops: Peer = {
  name: 'ops run',
  key: 'ops',
  command,
  starts: ({ prepared, vmm }) => prepared.unikernel.name === 'nanos' && vmm.name === 'qemu',
  unfit: unasked,
  async prepare(target) {
    const { prepared, accel, folder } = target
    const { spec, unikernel } = prepared
    const program = prepared.program.entryMark?.plain ?? prepared.program
    const guestPort = spec.shape === 'handler' ? handlerPort : spec.port
    const what = questionOf(target)
    if (guestPort === undefined || !what)
      throw new UfrError('UFR-MACHINE', 'its port is not known before it listens')
    if (!(await isFree(guestPort))) {
      throw new UfrError(
        'UFR-MACHINE',
        `ops forwards a port to the same one, and ${guestPort} is taken on the host`,
      )
    }
    const content = path.join(folder, 'root')
    extractTree(rootOf(program), content)
    placeRelease(path.join(folder, '.ops'), unikernel.kernel)
    const config = path.join(folder, 'config.json')
    fs.writeFileSync(config, JSON.stringify(configOf(program, content)))
    const env = environmentIn(folder)
    const tool = findCommand(command)!
    const common = ['-c', config, '-i', image]
    const make = ['image', 'create', ...common, '--target-root', content]
    await runCommand(tool, make, { cwd: content, env })
    const memory = ['--memory', `${spec.memoryMiB}M`, `--accel=${accel === 'kvm'}`]
    const args = ['run', '-s', ...common, '-p', String(guestPort), ...memory]
    const executable = path.join(content, program.executable)
    return {
      start: (signal) =>
        untilAnswer(
          { command: tool, args: [...args, executable], cwd: content, env, port: guestPort, what, accel },
          signal,
        ),
      notes: [
        'same kernel, files and arguments; its own image (made before) and machine; asked until it answers',
      ],
    }
  },
}

/** What the guest is to have in its root. */
function rootOf(program: Program): Tree {
  const tree = new Tree().merge(program.base.tree())
  for (const [name, entry] of program.task.sorted()) tree.set(`${taskFolder}/${name}`, entry)
  return tree
}

function configOf({ executable, argv, environment, workingDirectory }: Program, content: string): object {
  return {
    Program: executable,
    Args: argv.slice(1),
    Dirs: fs.readdirSync(content),
    Env: { ...environment, PWD: workingDirectory },
    DisableArgsCopy: true,
  }
}

/**
 * A home of its own, in which the store's kernel is its newest release. Every command of it asks the network for a newer
 * one (lepton/const.go, getLatestRelVersion), so it gets a proxy that refuses at once: no waiting is in its time.
 */
export function environmentIn(folder: string): NodeJS.ProcessEnv {
  const nowhere = 'http://127.0.0.1:1'
  return {
    PATH: process.env['PATH'],
    HOME: folder,
    OPS_HOME: folder,
    HTTP_PROXY: nowhere,
    HTTPS_PROXY: nowhere,
  }
}

/** @throws UfrError UFR-MACHINE where the store has the kernel without its boot loader. */
export function placeRelease(home: string, kernel: Kernel): void {
  const [loader] = kernelFiles(kernel, 'boot')
  if (loader === undefined) {
    throw new UfrError('UFR-MACHINE', `nanos ${kernel.version} is in the store without its boot loader`)
  }
  const release = path.join(home, version)
  fs.mkdirSync(path.join(release, 'klibs'), { recursive: true })
  fs.copyFileSync(kernelFile(kernel, 'kernel'), path.join(release, 'kernel.img'))
  fs.copyFileSync(loader, path.join(release, 'boot.img'))
  fs.writeFileSync(path.join(home, 'latest.txt'), version)
  // Files that it adds to every image, unless there are none.
  fs.writeFileSync(path.join(home, 'common.tar.gz'), gzipSync(tarBlocks))
}
