import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { UfrError } from '../../../src/base/errors.ts'
import { contentBytes, textContent } from '../../../src/image/content.ts'
import { readMbr, sectorBytes } from '../../../src/image/formats/mbr.ts'
import { layoutBytes } from '../../../src/image/layout.ts'
import { openImage } from '../../../src/image/open.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { Tree } from '../../../src/image/tree.ts'
import type { Kernel } from '../../../src/kernel/store.ts'
import type { Program } from '../../../src/language/program.ts'
import { osv } from '../../../src/unikernel/osv/osv.ts'
import { useHome } from '../../kernel/home.ts'
import { program } from './program.ts'

const home = useHome()
const base = new Tree().file('usr/bin/thing', textContent('a thing'), 0o755).link('lib', 'usr/lib')
const given = program({
  base: { key: 'k', title: 't', topLevel: base.topLevel(), tree: () => base },
  task: new Tree().file('main', textContent('main')).directory('empty'),
  argv: ['main', 'x'],
})

/** A kernel of the store with such files. */
function kernelOf(files: Record<string, Uint8Array>): Kernel {
  const folder = fs.mkdtempSync(home.beside('kernel-'))
  const roles: Record<string, string> = { 'loader.elf': 'kernel', 'loader.img': 'boot' }
  const listed = Object.entries(files).map(([name, bytes]) => {
    fs.writeFileSync(`${folder}/${name}`, bytes)
    return { role: roles[name]!, path: name, bytes: bytes.length, sha256: '' }
  })
  return { folder, files: listed, version: '1', digest: 'd', name: 'osv' } as unknown as Kernel
}

function parts(disk: Buffer) {
  return openImage(bytesSource(disk)).map(({ partition, format, tree, offset }) => ({
    partition,
    format,
    tree,
    offset,
  }))
}

function text(tree: Tree, path: string): string {
  const entry = tree.get(path)
  assert.equal(entry?.kind, 'file', path)
  return contentBytes(entry.content).toString()
}

test('the base is the root: in the second partition, with all that is to be mounted on', () => {
  const { base: volume } = osv({} as Kernel).plan(given).volumes
  const disk = layoutBytes(volume!.layout())
  const [root] = parts(disk)
  assert.deepEqual([root?.partition, root?.format], [2, 'rofs'])
  assert.equal(root!.offset % 4096, 0)
  const { tree } = root!
  for (const folder of ['dev', 'proc', 'sys', 'tmp', 'run', 'var/task', 'opt/ufr/start'])
    assert.equal(tree.get(folder)?.kind, 'directory', folder)
  assert.match(text(tree, 'etc/fstab'), /^none \/tmp ramfs defaults 0 0$/m)
  assert.match(text(tree, 'etc/resolv.conf'), /^options use-vc$/m)
  assert.equal(text(tree, 'usr/bin/thing'), 'a thing')
})

test("the function's disk has its files and, apart from them, its start", () => {
  const { function: volume } = osv({} as Kernel).plan(given).volumes
  const [start, task] = parts(layoutBytes(volume!.layout()))
  assert.deepEqual([start?.partition, task?.partition], [1, 2])
  assert.deepEqual(
    [...start!.tree.sorted()].map(([path]) => path),
    ['command'],
  )
  assert.equal(text(start!.tree, 'command'), '"/var/task/main" "x"\n')
  assert.deepEqual(
    [...task!.tree.sorted()].map(([path]) => path),
    ['empty', 'main'],
  )
})

test('volumes are the same for the same function, and change with what is in them only', () => {
  const plan = (what: Partial<Program>) => osv({} as Kernel).plan({ ...given, ...what })
  const keys = (what: Partial<Program>) => Object.values(plan(what).volumes).map(({ key }) => key)
  const [root, own] = keys({})
  assert.deepEqual(keys({}), [root, own])
  const [sameRoot, otherOwn] = keys({ environment: { A: 'b' } })
  assert.equal(sameRoot, root)
  assert.notEqual(otherOwn, own)
  assert.notEqual(keys({ task: new Tree().file('main', textContent('other')) })[1], own)
  // A variable that goes by way of the command line is in no volume.
  assert.deepEqual(keys({ environment: { A: 'ä' } }), [root, own])
  assert.notDeepEqual(plan({ environment: { A: 'ä' } }).settings, plan({}).settings)
})

test('an exported disk starts by itself: boot sector, command line, kernel and root in their places', () => {
  const loader = Buffer.alloc(3_000_000, 0x5a)
  loader.writeUInt16LE(0xaa55, 510)
  const kernel = kernelOf({ 'loader.elf': Buffer.from('elf'), 'loader.img': loader })
  const disk = layoutBytes(osv(kernel).disk({ ...given, environment: { A: 'ä' } }))
  assert.deepEqual(disk.subarray(0, 446), loader.subarray(0, 446))
  assert.deepEqual(disk.subarray(128 * sectorBytes, loader.length), loader.subarray(128 * sectorBytes))
  const line = disk.toString('utf8', sectorBytes, disk.indexOf(0, sectorBytes))
  assert.equal(
    line,
    '--power-off-on-abort --rootfs=rofs --cwd=/var/task --env=A=ä runscript /opt/ufr/start/command;',
  )
  const table = readMbr(bytesSource(disk))!
  assert.equal(table[1]!.start * sectorBytes, 4 << 20)
  const [root] = parts(disk)
  assert.equal(root?.partition, 2)
  assert.equal(text(root!.tree, 'var/task/main'), 'main')
  assert.equal(text(root!.tree, 'opt/ufr/start/command'), '"/var/task/main" "x"\n')
})

test('without a boot loader, an exported disk holds kernel and command line as files', () => {
  const disk = layoutBytes(osv(kernelOf({ 'loader.elf': Buffer.from('elf') })).disk(given))
  const [root] = parts(disk)
  assert.equal(text(root!.tree, 'boot/loader.elf'), 'elf')
  assert.match(text(root!.tree, 'boot/cmdline'), /^--power-off-on-abort --rootfs=rofs .*;\n$/)
})

test('what cannot be on such a disk is refused', () => {
  const code = (wanted: string) => (error: unknown) => error instanceof UfrError && error.code === wanted
  const short = kernelOf({ 'loader.elf': Buffer.from('elf'), 'loader.img': Buffer.alloc(4096) })
  assert.throws(() => osv(short).disk(given), code('UFR-KERNEL-FILE'))
  const kernel = kernelOf({ 'loader.elf': Buffer.from('elf'), 'loader.img': Buffer.alloc(1_000_000) })
  const long = { ...given, environment: { A: 'ä'.repeat(20_000) } }
  assert.throws(() => osv(kernel).disk(long), code('UFR-IMAGE-LIMIT'))
})
