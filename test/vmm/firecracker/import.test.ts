import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { UfrError } from '../../../src/base/errors.ts'
import { homePath } from '../../../src/base/paths.ts'
import { listVmms, vmmFile, vmmFileIfAny } from '../../../src/kernel/vmms.ts'
import { importFirecracker } from '../../../src/vmm/firecracker/import.ts'
import { elfFixture } from '../../kernel/elf-fixture.ts'
import { filesBelow, recordingProgress, useHome } from '../../kernel/home.ts'
import { printingElf } from '../../kernel/printing-elf.ts'
import { fakeProgram, releasePrograms, writePrograms } from './programs.ts'

const home = useHome()
const at = (name = '') => home.beside(path.join('given', name))
const put = (programs: Record<string, Uint8Array>) => writePrograms(at(), programs)

async function refused(from: string, pattern: RegExp): Promise<UfrError> {
  const error = await importFirecracker(from, {}, recordingProgress()).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  assert.equal(error.code, 'UFR-VMM-FILE')
  assert.match(error.message, pattern)
  assert.doesNotMatch(error.message, /\.tmp-/)
  assert.deepEqual(listVmms(), { vmms: [], broken: [] })
  assert.deepEqual(filesBelow(homePath()), [])
  return error
}

test('a program with the jailer beside it', async () => {
  put({ firecracker: fakeProgram('Firecracker'), jailer: fakeProgram('Jailer') })
  const progress = recordingProgress()
  const { vmm, already } = await importFirecracker(at('firecracker'), {}, progress)
  assert.deepEqual([vmm.name, vmm.version, already], ['firecracker', '1.16.1', false])
  assert.deepEqual(vmm.details, { linking: 'static' })
  assert.deepEqual(
    [vmm.provenance.how, vmm.provenance.from, vmm.provenance.sha256],
    ['import', at('firecracker'), vmm.files[0]?.sha256],
  )
  assert.ok(fs.readFileSync(vmmFile(vmm, 'firecracker')).equals(fakeProgram('Firecracker')))
  assert.ok(fs.readFileSync(vmmFile(vmm, 'jailer')).equals(fakeProgram('Jailer')))
  assert.deepEqual(progress.notes, [])
  assert.equal((await importFirecracker(at(), {}, progress)).already, true)
})

test('one that may not be executed yet, as a download leaves it', async () => {
  put({ firecracker: fakeProgram('Firecracker', '1.17.0-dev') })
  fs.chmodSync(at('firecracker'), 0o600)
  const { vmm } = await importFirecracker(at('firecracker'), {}, recordingProgress())
  assert.equal(vmm.version, '1.17.0-dev')
  assert.equal(fs.statSync(vmmFile(vmm, 'firecracker')).mode & 0o777, 0o755)
})

test('an unpacked release: its folder, the folder above, or the program in it', async () => {
  put(releasePrograms())
  const release = 'release-v1.16.1-x86_64'
  for (const from of [at(), at(release), at(`${release}/firecracker-v1.16.1-x86_64`)]) {
    const { vmm } = await importFirecracker(from, {}, recordingProgress())
    assert.deepEqual(
      vmm.files.map(({ path }) => path),
      ['firecracker', 'jailer'],
    )
  }
  assert.equal(listVmms().vmms.length, 1)
})

test('a build tree: a release build before a debug build, musl before glibc; the others are named', async () => {
  const musl = 'build/cargo_target/x86_64-unknown-linux-musl'
  const gnu = 'build/cargo_target/x86_64-unknown-linux-gnu'
  put({
    'firecracker-is-not-this': Buffer.from(''),
    [`${musl}/debug/firecracker`]: fakeProgram('Firecracker', '1.0.1'),
    [`${musl}/debug/jailer`]: fakeProgram('Jailer', '1.0.1'),
  })
  const debug = recordingProgress()
  const first = await importFirecracker(at(), {}, debug)
  assert.deepEqual([first.vmm.version, first.vmm.details['profile']], ['1.0.1', 'debug'])
  assert.match(debug.notes.join(), /debug build/)
  put({ [`${gnu}/release/firecracker`]: fakeProgram('Firecracker', '1.0.2') })
  const second = recordingProgress()
  assert.equal((await importFirecracker(at(), {}, second)).vmm.version, '1.0.2')
  assert.match(second.notes.join('\n'), /gnu\/release\/firecracker; there is also .*musl\/debug\/firecracker/)
  assert.match(second.notes.join('\n'), /no jailer beside .*without a jailer/)
  put({ 'target/release/firecracker': fakeProgram('Firecracker', '1.0.3') })
  assert.equal((await importFirecracker(at(), {}, recordingProgress())).vmm.version, '1.0.2')
  put({ [`${musl}/release/firecracker`]: fakeProgram('Firecracker', '1.0.4') })
  assert.equal((await importFirecracker(at(), {}, recordingProgress())).vmm.version, '1.0.4')
  const folder = await importFirecracker(at('target/release'), {}, recordingProgress())
  assert.deepEqual([folder.vmm.version, folder.vmm.details['profile']], ['1.0.3', 'release'])
})

test('a jailer that is none, or of another version, is left out, and that is told', async () => {
  put({ firecracker: fakeProgram('Firecracker'), jailer: fakeProgram('Jailer', '1.15.0') })
  const other = recordingProgress()
  const { vmm } = await importFirecracker(at(), {}, other)
  assert.equal(vmmFileIfAny(vmm, 'jailer'), undefined)
  assert.match(other.notes.join(), /jailer is of version 1\.15\.0, not 1\.16\.1.*without a jailer/)
  put({ jailer: fakeProgram('Firecracker') })
  const none = recordingProgress()
  assert.equal((await importFirecracker(at(), {}, none)).already, true)
  assert.match(none.notes.join(), /jailer is no jailer/)
})

test('another version name, and where it was built', async () => {
  put({ firecracker: fakeProgram('Firecracker') })
  const build = { repo: 'r', ref: 'main', commit: 'c', command: ['make'], output: '.', submodules: [] }
  const options = { version: 'mine', provenance: { how: 'build', from: 'r', build } } as const
  const { vmm } = await importFirecracker(at(), options, recordingProgress())
  assert.equal(vmm.version, 'mine')
  assert.deepEqual([vmm.provenance.how, vmm.provenance.build], ['build', build])
})

test('what is no Firecracker is refused by name, and nothing of it is left', async () => {
  const whole = fakeProgram('Firecracker')
  await refused(at('nothing'), /nothing does not exist/)
  fs.mkdirSync(at(), { recursive: true })
  await refused(at(), /given holds no Firecracker/)
  put({ text: Buffer.from('#!/bin/sh\necho Firecracker v1.16.1\n') })
  await refused(at('text'), /text is no Firecracker/)
  put({ short: whole.subarray(0, -100) })
  await refused(at('short'), /short is truncated: it has \d+ bytes of \d+/)
  put({ head: whole.subarray(0, 30), empty: Buffer.alloc(0) })
  await refused(at('head'), /only 30 bytes/)
  await refused(at('empty'), /only 0 bytes/)
  put({ arm: elfFixture({ machine: 183 }) })
  await refused(at('arm'), /not for 64-bit x86/)
  put({ other: printingElf('Other v1.16.1\n') })
  await refused(at('other'), /does not say so/)
  put({ strange: printingElf('Firecracker v../../x\n') })
  await refused(at('strange'), /does not say so/)
  put({ crashing: elfFixture({ payload: 'no code at all' }) })
  await refused(at('crashing'), /crashing does not run: .*crashing was ended by SIG/)
  put({ jailer: fakeProgram('Jailer') })
  await refused(at('jailer'), /is a jailer, not a Firecracker/)
})

test('one that never ends is given up', { timeout: 60_000 }, async () => {
  put({ firecracker: printingElf('Firecracker v1.16.1\n', { endless: true }) })
  await refused(at('firecracker'), /does not run: .*took longer than 10 s/)
})

test('links that lead out of a folder are not followed', async () => {
  put({ 'outside/firecracker': fakeProgram('Firecracker') })
  fs.mkdirSync(at('tree/target/release'), { recursive: true })
  fs.symlinkSync(at('outside/firecracker'), at('tree/target/release/firecracker'))
  await refused(at('tree'), /is a symbolic link that leads out of/)
  const { vmm } = await importFirecracker(at('tree/target/release/firecracker'), {}, recordingProgress())
  assert.equal(vmm.version, '1.16.1')
})
