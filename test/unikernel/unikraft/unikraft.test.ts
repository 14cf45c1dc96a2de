import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { bytesContent, textContent } from '../../../src/image/content.ts'
import { readCpio } from '../../../src/image/formats/cpio/reader.ts'
import { readElf } from '../../../src/image/formats/elf/elf.ts'
import { layoutBytes } from '../../../src/image/layout.ts'
import { bytesSource } from '../../../src/image/source.ts'
import type { Volume } from '../../../src/image/store/volume.ts'
import { Tree } from '../../../src/image/tree.ts'
import { type Kernel, registerKernel } from '../../../src/kernel/store.ts'
import type { Program } from '../../../src/language/program.ts'
import type { MachineSettings } from '../../../src/unikernel/unikernel.ts'
import { commandLine } from '../../../src/unikernel/unikraft/command-line.ts'
import { type KernelProtocol, storedFile } from '../../../src/unikernel/unikraft/kernel-file.ts'
import { needsOf, startOf } from '../../../src/unikernel/unikraft/root.ts'
import { unikraft } from '../../../src/unikernel/unikraft/unikraft.ts'
import type { VmmTraits } from '../../../src/vmm/vmm.ts'
import { tinyElf } from '../../image/formats/tiny-elf.ts'
import { useHome } from '../../kernel/home.ts'
import { firecrackerKernel, qemuKernel } from './tiny-kernel.ts'

const home = useHome()
const kernels: Record<KernelProtocol, () => Buffer> = { multiboot: qemuKernel, linux: firecrackerKernel }

async function kernelFor(...protocols: KernelProtocol[]): Promise<Kernel> {
  const files = protocols.map((protocol) => storedFile(protocol, kernels[protocol]()))
  const provenance = { how: 'import', from: '/x' } as const
  return (await registerKernel({ name: 'unikraft', version: '0.17.0', files, provenance })).kernel
}

const qemu: VmmTraits = {
  accel: 'tcg',
  boards: ['microvm', 'pc'],
  protocols: ['pvh', 'multiboot'],
  links: ['user', 'tap'],
  errorLine: true,
  exitDevice: true,
  commandLineBytes: 4096,
  extendsCommandLine: false,
}
const firecracker: VmmTraits = { ...qemu, boards: ['microvm'], protocols: ['pvh', 'linux'], links: ['tap'] }
const settings = (traits: VmmTraits, rest: Partial<MachineSettings> = {}): MachineSettings => ({
  memoryMiB: 256,
  cpus: 1,
  traits,
  program: true,
  ...rest,
})

/** A program that is linked to an address and ends above the kernels here, or to none. */
function program({ fixed = false, base = new Tree() }: { fixed?: boolean; base?: Tree } = {}): Program {
  const elf = tinyElf({ type: fixed ? 2 : 3, tail: fixed ? 'x'.repeat(2 << 20) : '' })
  return {
    base: { key: 'base', title: 'a base', topLevel: base.topLevel(), tree: () => base },
    task: new Tree().file('main', bytesContent(elf), 0o755).file('data', textContent('d')),
    executable: '/var/task/main',
    argv: ['main', '', 'ü'],
    environment: { A: 'b' },
    workingDirectory: '/var/task',
    tellsReady: false,
  }
}

const volume = (rest: Partial<Volume> = {}): Volume => ({
  key: 'k',
  title: 't',
  file: '/initrd',
  bytes: 1000,
  cached: true,
  ...rest,
})

test('the command line has nothing of the function in it, and a name first where the loader puts none', () => {
  assert.equal(
    commandLine('multiboot', true),
    'netdev.ip=10.0.2.15/24:10.0.2.2:10.0.2.3::: vfs.fstab=[ "initrd0:/:extract::ramfs=2:" ] -- /ufr/start',
  )
  assert.equal(
    commandLine('linux', false),
    'unikraft vfs.fstab=[ "initrd0:/:extract::ramfs=2:" ] -- /ufr/start',
  )
})

test('the root is one archive of base, function and first program', async () => {
  const base = new Tree().file('usr/lib/libc.so', textContent('c')).file('etc/hosts', textContent('mine'))
  const { volumes } = unikraft(await kernelFor('multiboot')).plan(program({ base }))
  assert.deepEqual(Object.keys(volumes), ['root'])
  const { tree } = readCpio(bytesSource(layoutBytes(volumes['root']!.layout())))
  const has = ['usr/lib/libc.so', 'var/task/main', 'var/task/data', 'ufr/start', 'etc/passwd', 'tmp', 'dev']
  assert.deepEqual(
    has.filter((path) => !tree.has(path)),
    [],
  )
  const link = tree.get('proc/self/exe')
  assert.equal(link?.kind === 'link' && link.target, '/var/task/main')
  const start = tree.get('ufr/start')
  assert.equal(start?.kind === 'file' && start.mode, 0o755)
})

test('a program gets the arguments for threads that do not preempt each other, where it has some', () => {
  const start = (rest: Partial<Program>) => startOf({ ...program(), ...rest })
  const argv = ['main', 'a']
  assert.deepEqual(start({ argv: ['other'], cooperativeArgv: argv }), start({ argv }))
  assert.notDeepEqual(start({ argv: ['other'] }), start({ argv }))
})

test('what the root is like decides its key', async () => {
  const unikernel = unikraft(await kernelFor('multiboot'))
  const key = (change: Partial<Program>) => unikernel.plan({ ...program(), ...change }).volumes['root']!.key
  const keys = [
    key({}),
    key({ argv: ['main'] }),
    key({ cooperativeArgv: ['main', '--without-helpers'] }),
    key({ environment: {} }),
    key({ workingDirectory: '/' }),
    key({ executable: '/var/task/other' }),
    key({ task: new Tree().file('data', textContent('x')) }),
    key({ base: { ...program().base, key: 'other' } }),
  ]
  assert.equal(new Set(keys).size, keys.length)
  assert.equal(key({}), keys[0])
})

test('a program that is linked to an address has a kernel that leaves room for it, where there is one for QEMU', async () => {
  const kernel = await kernelFor('multiboot', 'linux')
  const fixed = program({ fixed: true })
  const { volumes } = unikraft(kernel).plan(fixed)
  assert.deepEqual(Object.keys(volumes), ['root', 'kernel'])
  const raised = readElf(bytesSource(layoutBytes(volumes['kernel']!.layout()))).programHeaders
  const { fixedEnd } = needsOf(fixed)
  const end = Math.max(
    ...raised.map(({ physicalAddress, memorySize }) => Number(physicalAddress + memorySize)),
  )
  assert.deepEqual([fixedEnd > 0x210000, end - fixedEnd < 4096, end >= fixedEnd], [true, true, true])
  const own = { root: volume(), kernel: volume({ file: '/raised', key: 'r' }) }
  const machine = (traits: VmmTraits) => unikraft(kernel).machine(fixed, own, settings(traits)).kernel
  assert.deepEqual(machine(qemu), { file: '/raised', digest: 'r', protocols: ['multiboot'] })
  assert.match(machine(firecracker).file, /kernel-fc$/)
  assert.deepEqual(Object.keys(unikraft(await kernelFor('linux')).plan(fixed).volumes), ['root'])
})

test('the kernel is the one for the VMM, by how that starts kernels', async () => {
  const kernel = await kernelFor('multiboot', 'linux')
  const network = { link: 'user', egress: false } as const
  const spec = unikraft(kernel).machine(program(), { root: volume() }, settings(qemu, { network }))
  const file = `${kernel.folder}/kernel-qemu`
  assert.deepEqual(spec, {
    kernel: { file, digest: kernel.digest, protocols: ['multiboot'] },
    board: 'pc',
    initrd: { file: '/initrd', digest: 'k' },
    commandLine: commandLine('multiboot', true),
    disks: [],
    memoryMiB: 256,
    cpus: 1,
    network,
    errorLine: false,
    entropy: false,
  })
  const other = unikraft(kernel).machine(program(), { root: volume() }, settings(firecracker))
  assert.deepEqual(
    [other.kernel.protocols, other.board, other.commandLine],
    [['linux'], 'microvm', commandLine('linux', false)],
  )
  const missing =
    (traits: VmmTraits, ...protocols: KernelProtocol[]) =>
    async () =>
      unikraft(await kernelFor(...protocols)).machine(program(), { root: volume() }, settings(traits))
  const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-MACHINE', message })
  await assert.rejects(missing(qemu, 'linux'), refused(/no kernel for QEMU/))
  await assert.rejects(missing(firecracker, 'multiboot'), refused(/no kernel for Firecracker/))
  await assert.rejects(missing({ ...qemu, protocols: ['pvh'] }, 'multiboot'), refused(/another VMM/))
})

test('memory that the files cannot fit is refused with what fits', async () => {
  const unikernel = unikraft(await kernelFor('multiboot', 'linux'))
  const large = { size: 108 << 20, chunks: () => [] }
  const base = new Tree().file('usr/bin/node', large).file('usr/lib/libc.so', { ...large, size: 1_900_000 })
  assert.deepEqual(needsOf(program({ base })), { fixedEnd: 0, heap: 256 << 20 })
  const start =
    (memoryMiB: number, bytes: number, fixed = false) =>
    () =>
      unikernel.machine(program({ base, fixed }), { root: volume({ bytes }) }, settings(qemu, { memoryMiB }))
  const refused = { name: 'UfrError', code: 'UFR-USAGE', fix: /Give it 370 MiB/ }
  assert.throws(start(369, 110 << 20), (error: Error & { fix: string }) => refused.fix.test(error.fix))
  assert.equal(start(370, 110 << 20)().memoryMiB, 370)
  const small = needsOf(program())
  assert.ok(small.heap < 64 << 10)
})

test('a path that would be several words of the command line is refused for QEMU', async () => {
  process.env['UFR_HOME'] = home.beside('with a space')
  const unikernel = unikraft(await kernelFor('multiboot', 'linux'))
  const start = (traits: VmmTraits) => () =>
    unikernel.machine(program(), { root: volume() }, settings(traits))
  assert.throws(start(qemu), { name: 'UfrError', code: 'UFR-MACHINE', message: /with a space/ })
  assert.equal(start(firecracker)().initrd?.file, '/initrd')
})

test('an exported image is the archive', async () => {
  const layout = unikraft(await kernelFor('multiboot')).disk(program())
  const file = home.beside('image')
  fs.writeFileSync(file, layoutBytes(layout))
  assert.equal(readCpio(bytesSource(fs.readFileSync(file))).tree.has('ufr/start'), true)
})
