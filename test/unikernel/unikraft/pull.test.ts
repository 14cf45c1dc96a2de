import assert from 'node:assert/strict'
import fs from 'node:fs'
import { afterEach, test } from 'node:test'
import zlib from 'node:zlib'
import { UfrError } from '../../../src/base/errors.ts'
import { homePath } from '../../../src/base/paths.ts'
import { findKernel, kernelFile, listKernels } from '../../../src/kernel/store.ts'
import { protocolsOf } from '../../../src/unikernel/unikraft/kernel-file.ts'
import { pullUnikraft } from '../../../src/unikernel/unikraft/pull.ts'
import { tinyTar } from '../../image/formats/tiny-tar.ts'
import { filesBelow, recordingProgress, useHome } from '../../kernel/home.ts'
import {
  type FakeDescriptor,
  type FakeRegistry,
  fakeRegistry,
  wantsToken,
} from '../../kernel/oci/fake-registry.ts'
import { firecrackerKernel, qemuKernel } from './tiny-kernel.ts'

useHome()
afterEach(() => {
  delete process.env['UFR_MIRROR']
  delete process.env['UFR_UNIKRAFT_IMAGE']
})
const quick = { backoff: 1, attempts: 2, connectTimeout: 2000, idleTimeout: 2000 }
const annotation = { 'org.unikraft.kernel.image': '/unikraft/bin/kernel' }

function pull(reference?: string, refresh = false) {
  const progress = recordingProgress()
  const pulled = pullUnikraft(reference, { refresh }, progress, quick)
  return { pulled, notes: progress.notes }
}

async function failure(promise: Promise<unknown>): Promise<UfrError> {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  // Nothing is kept but a lock.
  assert.deepEqual(
    filesBelow(homePath()).filter((name) => !name.endsWith('.lock')),
    [],
  )
  return error
}

const kernelTar = (bytes: Buffer, name = 'unikraft/bin/kernel') => tinyTar([{ name, data: bytes }])
const platform = (os: string, version = '0.17.0') => ({ os, architecture: 'x86_64', 'os.version': version })

/** As kraft makes it: a layer for each file, and a configuration with thousands of features. */
function manifestOf(registry: FakeRegistry, os: string, tar: Buffer): FakeDescriptor {
  const kernel = { ...registry.push(tar), annotations: annotation }
  const debug = registry.push(tinyTar([{ name: 'unikraft/bin/kernel.dbg', data: 'symbols' }]))
  return registry.pushManifest([debug, kernel], {
    ...platform(os),
    'os.features': Array(3000).fill('CONFIG_X=y'),
  })
}

function pushBoth(registry: FakeRegistry, tag = 'latest'): FakeDescriptor {
  const qemu = manifestOf(registry, 'qemu', kernelTar(qemuKernel()))
  const fc = manifestOf(
    registry,
    'fc',
    zlib.gzipSync(kernelTar(firecrackerKernel(), './unikraft/bin/kernel')),
  )
  const xen = manifestOf(registry, 'xen', kernelTar(Buffer.from('xen')))
  return registry.pushIndex([xen, qemu, fc], tag)
}

test('kernels for both VMMs come out of an image, with where they are from', async () => {
  await using registry = await fakeRegistry()
  wantsToken(registry)
  const { digest } = pushBoth(registry)
  const { pulled, notes } = pull(`${registry.name}:latest`)
  const { kernel, already } = await pulled
  assert.deepEqual([kernel.version, already, notes], ['0.17.0', false, []])
  assert.deepEqual(protocolsOf(kernel), ['multiboot', 'linux'])
  assert.deepEqual(fs.readFileSync(kernelFile(kernel, 'kernel-qemu')), qemuKernel())
  assert.deepEqual(fs.readFileSync(kernelFile(kernel, 'kernel-fc')), firecrackerKernel())
  assert.equal(kernel.provenance.from, `${registry.name}:latest@${digest}`)
  assert.deepEqual(kernel.provenance.upstreamChecksum, {
    algorithm: 'sha256',
    value: digest.slice(7),
    weak: false,
  })
  // Layers that do not say that the kernel is in them are left where they are.
  assert.equal(registry.seen.filter((line) => line.includes('/blobs/')).length, 2)
  assert.deepEqual(filesBelow(homePath('downloads')), ['unikraft.lock'])
})

test('an image that was pulled before needs no network, and --update looks again', async () => {
  const registry = await fakeRegistry()
  pushBoth(registry)
  const reference = `${registry.name}:latest`
  await pull(reference).pulled
  registry.seen.length = 0
  assert.equal((await pull(reference).pulled).already, true)
  assert.equal(registry.seen.length, 0)
  assert.equal((await pull(reference, true).pulled).already, true)
  assert.ok(registry.seen.length > 0)
  await registry[Symbol.asyncDispose]()
  assert.equal((await pull(reference).pulled).already, true)
  await assert.rejects(pull(reference, true).pulled, {
    code: 'UFR-DOWNLOAD',
    fix: /ufr kernel import unikraft FILE/,
  } as never)
})

test('without a reference, and by short ones, it is the image that upstream names', async () => {
  await using registry = await fakeRegistry('unikraft.org/base')
  const { digest } = pushBoth(registry)
  pushBoth(registry, '0.17')
  process.env['UFR_MIRROR'] = registry.base
  registry.intercept = (request) => {
    request.url = request.url?.replace('/index.unikraft.io/', '/')
    return false
  }
  const references = [undefined, '0.17', digest, 'base:latest', 'unikraft.org/base', 'unikraft.org/base:0.17']
  const asked: (string | undefined)[] = []
  for (const reference of references) {
    registry.seen.length = 0
    await pull(reference, true).pulled
    asked.push(registry.seen[0])
  }
  process.env['UFR_UNIKRAFT_IMAGE'] = 'unikraft.org/base:0.17'
  registry.seen.length = 0
  await pull(undefined, true).pulled
  asked.push(registry.seen[0])
  const at = (id: string) => `GET /index.unikraft.io/v2/unikraft.org/base/manifests/${id}`
  assert.deepEqual(asked, [
    at('latest'),
    at('0.17'),
    at(digest),
    at('latest'),
    at('latest'),
    at('0.17'),
    at('0.17'),
  ])
})

test('what an image has for one VMM only is taken, and said', async () => {
  await using registry = await fakeRegistry()
  registry.pushIndex([manifestOf(registry, 'fc', kernelTar(firecrackerKernel()))], 'latest')
  const { pulled, notes } = pull(`${registry.name}:latest`)
  assert.deepEqual(protocolsOf((await pulled).kernel), ['linux'])
  assert.deepEqual(notes, [`${registry.name}:latest has no kernel for QEMU.`])
})

test('a manifest without an index, and a kernel in a layer that does not say so, are taken too', async () => {
  await using registry = await fakeRegistry()
  const rest = registry.push(tinyTar([{ name: 'unikraft/bin/initrd', data: 'i' }]))
  registry.pushManifest([rest, registry.push(kernelTar(qemuKernel()))], undefined, 'one')
  const { kernel } = await pull(`${registry.name}:one`).pulled
  assert.deepEqual(protocolsOf(kernel), ['multiboot'])
})

test('an image with nothing for these VMMs says what it has', async () => {
  await using registry = await fakeRegistry()
  const arm = {
    ...manifestOf(registry, 'qemu', kernelTar(qemuKernel())),
    platform: { os: 'qemu', architecture: 'arm64' },
  }
  registry.pushIndex([arm, manifestOf(registry, 'xen', kernelTar(qemuKernel()))], 'latest')
  const error = await failure(pull(`${registry.name}:latest`).pulled)
  assert.match(error.message, /nothing for QEMU .* or Firecracker .*: there is qemu\/arm64, xen\/x86_64/)
})

test('a kernel that is not what its manifest says, or none, is refused', async () => {
  await using registry = await fakeRegistry()
  const tagged = (tag: string, os: string, tar: Buffer) => {
    registry.pushIndex([manifestOf(registry, os, tar)], tag)
    return failure(pull(`${registry.name}:${tag}`).pulled)
  }
  assert.match(
    (await tagged('swapped', 'qemu', kernelTar(firecrackerKernel()))).message,
    /has for QEMU is a kernel for Firecracker/,
  )
  assert.match((await tagged('text', 'qemu', kernelTar(Buffer.from('text')))).message, /not an ELF file/)
  assert.match(
    (await tagged('elsewhere', 'qemu', kernelTar(qemuKernel(), 'bin/kernel'))).message,
    /no kernel at/,
  )
  assert.match(
    (await tagged('half', 'fc', kernelTar(firecrackerKernel().subarray(0, 270)))).message,
    /truncated/,
  )
})

test('a hostile archive writes nowhere, and makes no links', async () => {
  await using registry = await fakeRegistry()
  const hostile = [
    [{ name: '../../kernel', data: 'x' }],
    [{ name: 'unikraft/bin/kernel', type: '2', target: '/etc/passwd' }],
    [
      { name: 'unikraft', type: '2', target: '/etc' },
      { name: 'unikraft/bin/kernel', data: 'x' },
    ],
    [{ name: 'unikraft/bin/kernel', type: '1', target: '../../../etc/passwd' }],
    [{ name: 'unikraft/bin/kernel', type: '3' }],
    [{ name: 'unikraft/bin/kernel', data: 'x', size: 2 ** 32 }],
  ]
  for (const [index, entries] of hostile.entries()) {
    registry.pushIndex([manifestOf(registry, 'qemu', tinyTar(entries))], `t${index}`)
    const error = await failure(pull(`${registry.name}:t${index}`).pulled)
    assert.ok(['UFR-FORMAT', 'UFR-KERNEL-FILE'].includes(error.code), error.message)
  }
})

test('what comes with another digest is refused, both shown, and nothing kept', async () => {
  await using registry = await fakeRegistry()
  pushBoth(registry)
  const bad = kernelTar(Buffer.concat([qemuKernel(), Buffer.from('!')]))
  registry.intercept = (request, response) => {
    if (!request.url?.includes('/blobs/')) return false
    response.end(bad)
    return true
  }
  const error = await failure(pull(`${registry.name}:latest`).pulled)
  assert.ok(error.code === 'UFR-CHECKSUM' || /larger than/.test(error.message), error.message)
  assert.deepEqual(listKernels().kernels, [])
})

test('a tag that is not there, and names that are none, are told', async () => {
  await using registry = await fakeRegistry()
  const error = await failure(pull(`${registry.name}:nothing`).pulled)
  assert.match(`${error.message} ${error.fix}`, /404.*Check name and tag.*ufr kernel import unikraft FILE/)
  await assert.rejects(pull('Not/Lower').pulled, { code: 'UFR-USAGE' })
  await assert.rejects(pull('sha256:12').pulled, { code: 'UFR-USAGE' })
})

test('a pull makes the kernel the default', async () => {
  await using registry = await fakeRegistry()
  pushBoth(registry)
  await pull(`${registry.name}:latest`).pulled
  assert.equal(findKernel('unikraft').version, '0.17.0')
})
