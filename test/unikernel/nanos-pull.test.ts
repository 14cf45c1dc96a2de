import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { afterEach, beforeEach, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import { listKernels, removeKernel } from '../../src/kernel/store.ts'
import { pullNanos } from '../../src/unikernel/nanos/pull.ts'
import { filesBelow, recordingProgress, useHome } from '../kernel/home.ts'
import { serve, type TestServer } from '../kernel/server.ts'
import { releaseFiles, writeFiles } from './nanos-folders.ts'

const home = useHome()
const quick = { backoff: 1, attempts: 1 }
const names = ['UFR_MIRROR', 'HTTP_PROXY', 'http_proxy']
const before = names.map((name) => process.env[name])
const prefix = '/storage.googleapis.com/nanos/release'

let server: TestServer
/** What the mirror has, by path below upstream's release address. */
let files: Record<string, Uint8Array | string> = {}

beforeEach(async () => {
  files = {}
  server = await serve((request, response) => {
    const content = files[(request.url ?? '').slice(prefix.length + 1)]
    if (content === undefined || !request.url?.startsWith(prefix)) response.writeHead(404).end()
    else response.writeHead(200, { 'content-length': content.length }).end(content)
  })
  for (const name of names) delete process.env[name]
  process.env['UFR_MIRROR'] = server.base
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  for (const [index, name] of names.entries()) {
    if (before[index] === undefined) delete process.env[name]
    else process.env[name] = before[index]
  }
})

function archive(content: Record<string, string | Uint8Array>): Buffer {
  const folder = fs.mkdtempSync(home.beside('release-'))
  writeFiles(folder, content)
  const names = Object.keys(content).map((name) => name.split('/')[0] ?? '')
  return execFileSync('tar', ['-cz', '-C', folder, ...new Set(names)])
}

function publish(version: string, content = releaseFiles() as Record<string, string | Uint8Array>): Buffer {
  const bytes = archive(content)
  files[`${version}/nanos-release-linux-${version}.tar.gz`] = bytes
  files[`${version}/nanos-release-linux-${version}.md5`] =
    `${createHash('md5').update(bytes).digest('hex')}\n`
  files['latest.txt'] = `${version}\n`
  return bytes
}

async function failure(promise: Promise<unknown>): Promise<UfrError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  return error
}

test('the latest release is found, checked and taken into the store', async () => {
  const bytes = publish('0.1.54')
  const progress = recordingProgress()
  const { kernel, already } = await pullNanos(undefined, progress, quick)
  assert.equal(already, false)
  assert.equal(kernel.version, '0.1.54')
  assert.deepEqual(filesBelow(kernel.folder), [
    'boot.img',
    'kernel.img',
    'kernel.json',
    'klibs/ntp',
    'klibs/tls',
  ])
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const md5 = createHash('md5').update(bytes).digest('hex')
  assert.equal(kernel.provenance.how, 'pull')
  assert.equal(kernel.provenance.sha256, sha256)
  assert.deepEqual(kernel.provenance.upstreamChecksum, { algorithm: 'md5', value: md5, weak: true })
  assert.equal(kernel.provenance.from, `${server.base}${prefix}/0.1.54/nanos-release-linux-0.1.54.tar.gz`)
  const notes = progress.notes.join('\n')
  assert.match(notes, new RegExp(`md5 ${md5} .*weak`))
  assert.match(notes, new RegExp(`sha256 ${sha256} is recorded on first use`))
  assert.deepEqual(server.seen, [
    `GET ${prefix}/latest.txt`,
    `GET ${prefix}/0.1.54/nanos-release-linux-0.1.54.md5`,
    `GET ${prefix}/0.1.54/nanos-release-linux-0.1.54.tar.gz`,
  ])
  assert.deepEqual(filesBelow(homePath('downloads')), ['nanos.lock'])
})

test('a version that was pulled before needs no network; the latest is looked up', async () => {
  publish('0.1.53')
  await pullNanos('0.1.53', recordingProgress(), quick)
  const count = server.seen.length
  assert.equal((await pullNanos('0.1.53', recordingProgress(), quick)).already, true)
  assert.equal(server.seen.length, count)
  assert.equal((await pullNanos(undefined, recordingProgress(), quick)).already, true)
  assert.equal(server.seen.length, count + 1)
  publish('0.1.54')
  assert.equal((await pullNanos(undefined, recordingProgress(), quick)).kernel.version, '0.1.54')
  assert.equal((await pullNanos('0.1.53', recordingProgress(), quick)).kernel.isDefault, true)
})

test('offline, the newest pulled one is kept, and that is said; without one it is an error with another way', async () => {
  const error = await failure(pullNanos(undefined, recordingProgress(), quick))
  assert.equal(error.code, 'UFR-DOWNLOAD')
  assert.match(error.fix, /ufr kernel import nanos PATH/)
  publish('0.1.54')
  await pullNanos(undefined, recordingProgress(), quick)
  files = {}
  const progress = recordingProgress()
  assert.equal((await pullNanos(undefined, progress, quick)).kernel.version, '0.1.54')
  assert.match(progress.notes.join(), /cannot be looked up .*0.1.54 is kept/)
})

test('an archive that is not what upstream says is refused', async () => {
  publish('0.1.54')
  files['0.1.54/nanos-release-linux-0.1.54.md5'] = `${'0'.repeat(32)}\n`
  const error = await failure(pullNanos('0.1.54', recordingProgress(), quick))
  assert.equal(error.code, 'UFR-CHECKSUM')
  assert.equal(error.detail.length, 2)
  assert.deepEqual(filesBelow(homePath()), ['downloads/nanos.lock'])
})

test('a release that changes after its first download is refused with both sums, and nothing kept', async () => {
  const first = createHash('sha256').update(publish('0.1.54')).digest('hex')
  await pullNanos('0.1.54', recordingProgress(), quick)
  removeKernel('nanos', '0.1.54')
  const second = createHash('sha256')
    .update(publish('0.1.54', releaseFiles('changed')))
    .digest('hex')
  const error = await failure(pullNanos('0.1.54', recordingProgress(), quick))
  assert.equal(error.code, 'UFR-CHECKSUM')
  assert.deepEqual(error.detail, [`first download ${first}`, `this download  ${second}`])
  assert.deepEqual(listKernels(), { kernels: [], broken: [] })
  assert.deepEqual(filesBelow(homePath('downloads')), ['nanos.lock'])
})

test('a version without a published md5 is taken, aloud; one without an archive is not', async () => {
  publish('0.1.20')
  delete files['0.1.20/nanos-release-linux-0.1.20.md5']
  const progress = recordingProgress()
  const { kernel } = await pullNanos('0.1.20', progress, quick)
  assert.equal(kernel.provenance.upstreamChecksum, undefined)
  assert.match(progress.notes.join(), /publishes no md5 of nanos 0.1.20/)
  const error = await failure(pullNanos('0.1.21', recordingProgress(), quick))
  assert.match(error.message, /answered 404/)
  assert.match(error.fix, /Check the version/)
})

test('a checksum file that is a page of a proxy is refused', async () => {
  publish('0.1.54')
  files['0.1.54/nanos-release-linux-0.1.54.md5'] = '<html>Please log in</html>'
  assert.match((await failure(pullNanos('0.1.54', recordingProgress(), quick))).message, /holds no md5 sum/)
  files['latest.txt'] = '<html>Please log in</html>'
  assert.match((await failure(pullNanos(undefined, recordingProgress(), quick))).message, /holds no version/)
})

test('an archive without a whole kernel is refused, and its sum not recorded', async () => {
  const whole = releaseFiles()
  const broken: Record<string, string | Uint8Array>[] = [
    { 'README.md': 'no kernel' },
    { ...whole, 'kernel.img': (whole['kernel.img'] ?? Buffer.alloc(0)).subarray(0, 150) },
  ]
  for (const content of broken) {
    publish('0.1.54', content)
    const error = await failure(pullNanos('0.1.54', recordingProgress(), quick))
    assert.equal(error.code, 'UFR-KERNEL-FILE')
  }
  publish('0.1.54')
  assert.equal((await pullNanos('0.1.54', recordingProgress(), quick)).already, false)
})

test('links in an archive are not followed', async () => {
  const folder = home.beside('links')
  fs.mkdirSync(folder)
  fs.symlinkSync('/bin/sh', `${folder}/kernel.img`)
  const bytes = execFileSync('tar', ['-cz', '-C', folder, 'kernel.img'])
  files['0.1.54/nanos-release-linux-0.1.54.tar.gz'] = bytes
  const error = await failure(pullNanos('0.1.54', recordingProgress(), quick))
  assert.match(error.message, /not a regular file/)
})

test('what is no version is never asked for', async () => {
  for (const version of ['../x', '', 'latest', '0.1.54/..', '0.1.54?x']) {
    assert.equal((await failure(pullNanos(version, recordingProgress(), quick))).code, 'UFR-USAGE')
  }
  assert.deepEqual(server.seen, [])
})
