import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { afterEach, beforeEach, test } from 'node:test'
import { UfrError } from '../../../src/base/errors.ts'
import { homePath } from '../../../src/base/paths.ts'
import { listVmms, removeVmm } from '../../../src/kernel/vmms.ts'
import { pullFirecracker } from '../../../src/vmm/firecracker/pull.ts'
import { filesBelow, recordingProgress, useHome } from '../../kernel/home.ts'
import { serve, type TestServer } from '../../kernel/server.ts'
import { fakeProgram, releasePrograms, writePrograms } from './programs.ts'

const home = useHome()
const quick = { backoff: 1, attempts: 1 }
const names = ['UFR_MIRROR', 'HTTP_PROXY', 'http_proxy']
const before = names.map((name) => process.env[name])
const prefix = '/github.com/firecracker-microvm/firecracker/releases'

let server: TestServer
/** What the mirror has, by path below upstream's releases; a URL is a redirect. */
let files: Record<string, Uint8Array | string | URL> = {}

beforeEach(async () => {
  files = {}
  server = await serve((request, response) => {
    const content = files[(request.url ?? '').slice(prefix.length + 1)]
    if (content === undefined || !request.url?.startsWith(prefix)) response.writeHead(404).end()
    else if (content instanceof URL) response.writeHead(302, { location: content.href }).end()
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

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function publish(version: string, programs = releasePrograms(version)): Buffer {
  const folder = fs.mkdtempSync(home.beside('release-'))
  writePrograms(folder, programs)
  const members = Object.keys(programs).map((name) => name.split('/')[0]!)
  const bytes = execFileSync('tar', ['-cz', '-C', folder, ...new Set(members)])
  const name = `firecracker-v${version}-x86_64.tgz`
  files[`download/v${version}/${name}`] = bytes
  files[`download/v${version}/${name}.sha256.txt`] = `${sha256(bytes)}  ${name}\n`
  files['latest'] = new URL(`${server.base}${prefix}/tag/v${version}`)
  return bytes
}

function pull(version?: string, progress = recordingProgress()) {
  return pullFirecracker(version, progress, quick)
}

async function failure(promise: Promise<unknown>): Promise<UfrError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  return error
}

const kept = ['downloads/firecracker.lock']

test('the latest release is found by the redirect, checked and taken into the store', async () => {
  const bytes = publish('1.16.1')
  const { vmm, already } = await pull()
  assert.deepEqual([vmm.version, already, vmm.isDefault], ['1.16.1', false, true])
  assert.deepEqual(filesBelow(vmm.folder), ['firecracker', 'jailer', 'vmm.json'])
  const { at: _, ...provenance } = vmm.provenance
  const sum = sha256(bytes)
  assert.deepEqual(provenance, {
    how: 'pull',
    from: `${server.base}${prefix}/download/v1.16.1/firecracker-v1.16.1-x86_64.tgz`,
    sha256: sum,
    upstreamChecksum: { algorithm: 'sha256', value: sum, weak: false },
  })
  assert.deepEqual(server.seen, [
    `GET ${prefix}/latest`,
    `GET ${prefix}/tag/v1.16.1`,
    `GET ${prefix}/download/v1.16.1/firecracker-v1.16.1-x86_64.tgz.sha256.txt`,
    `GET ${prefix}/download/v1.16.1/firecracker-v1.16.1-x86_64.tgz`,
  ])
  assert.deepEqual(filesBelow(homePath('downloads')), ['firecracker.lock'])
})

test('a version that was pulled before needs no network; v before it does no harm', async () => {
  publish('1.15.0')
  await pull('1.15.0')
  const count = server.seen.length
  assert.equal((await pull('v1.15.0')).already, true)
  assert.equal(server.seen.length, count)
  publish('1.16.1')
  assert.equal((await pull()).vmm.version, '1.16.1')
  const again = await pull('1.15.0')
  assert.deepEqual([again.already, again.vmm.isDefault], [true, true])
})

test('offline, the newest pulled one is kept, and that is said; without one it is an error with another way', async () => {
  const error = await failure(pull())
  assert.equal(error.code, 'UFR-DOWNLOAD')
  assert.match(error.fix, /ufr vmm import firecracker PATH/)
  publish('1.16.1')
  await pull()
  files = {}
  const progress = recordingProgress()
  assert.equal((await pull(undefined, progress)).vmm.version, '1.16.1')
  assert.match(progress.notes.join(), /cannot be looked up .*1\.16\.1 is kept/)
})

test('an archive that is not what upstream says is refused with both sums, and nothing kept', async () => {
  const actual = sha256(publish('1.16.1'))
  const wrong = '0'.repeat(64)
  files['download/v1.16.1/firecracker-v1.16.1-x86_64.tgz.sha256.txt'] =
    `${wrong}  firecracker-v1.16.1-x86_64.tgz\n`
  const error = await failure(pull('1.16.1'))
  assert.equal(error.code, 'UFR-CHECKSUM')
  assert.deepEqual(error.detail, [`expected ${wrong}`, `actual   ${actual}`])
  assert.deepEqual(filesBelow(homePath()), kept)
})

test('one without a published sum, or with a page of a proxy in its place, is refused', async () => {
  publish('1.16.1')
  const sumFile = 'download/v1.16.1/firecracker-v1.16.1-x86_64.tgz.sha256.txt'
  files[sumFile] = '<html>Please log in</html>'
  assert.match((await failure(pull('1.16.1'))).message, /holds no sha256 sum/)
  files[sumFile] = `${'0'.repeat(64)}  firecracker-v1.16.1-aarch64.tgz\n`
  assert.match((await failure(pull('1.16.1'))).message, /holds no sha256 sum/)
  delete files[sumFile]
  const error = await failure(pull('1.16.1'))
  assert.deepEqual([error.code, /Check the version/.test(error.fix)], ['UFR-DOWNLOAD', true])
  files['latest'] = '<html>Please log in</html>'
  assert.match((await failure(pull())).message, /leads to no release/)
  files['latest'] = new URL(`${server.base}${prefix}/tag/v1..%2fx`)
  assert.match((await failure(pull())).message, /leads to no release/)
  assert.deepEqual(filesBelow(homePath()), kept)
})

test('a release that changes after its first download is refused with both sums', async () => {
  const first = sha256(publish('1.16.1'))
  await pull('1.16.1')
  removeVmm('firecracker', '1.16.1')
  const more = { ...releasePrograms(), 'release-v1.16.1-x86_64/more': Buffer.from('more') }
  const second = sha256(publish('1.16.1', more))
  const error = await failure(pull('1.16.1'))
  assert.equal(error.code, 'UFR-CHECKSUM')
  assert.deepEqual(error.detail, [`first download ${first}`, `this download  ${second}`])
  assert.deepEqual(listVmms(), { vmms: [], broken: [] })
  assert.deepEqual(filesBelow(homePath('downloads')), ['firecracker.lock'])
})

test('an archive with something else in it is refused, and its sum not recorded', async () => {
  const [folder, whole] = ['release-v1.16.1-x86_64', releasePrograms()]
  const { [`${folder}/jailer-v1.16.1-x86_64`]: _, ...jailless } = whole
  const wrong: [Record<string, Uint8Array>, RegExp][] = [
    [{ 'README.md': Buffer.from('no program') }, /cannot be unpacked/],
    [jailless, /cannot be unpacked/],
    [
      { ...whole, [`${folder}/firecracker-v1.16.1-x86_64`]: fakeProgram('Firecracker', '1.15.0') },
      /holds version 1\.15\.0/,
    ],
    [{ ...whole, [`${folder}/firecracker-v1.16.1-x86_64`]: Buffer.from('text') }, /no Firecracker/],
  ]
  for (const [programs, pattern] of wrong) {
    publish('1.16.1', programs)
    assert.match((await failure(pull('1.16.1'))).message, pattern)
    assert.deepEqual(filesBelow(homePath()), kept)
  }
  publish('1.16.1')
  assert.equal((await pull('1.16.1')).already, false)
})

test('links in an archive are not followed', async () => {
  const folder = home.beside('links')
  const release = `${folder}/release-v1.16.1-x86_64`
  writePrograms(folder, releasePrograms())
  fs.rmSync(`${release}/firecracker-v1.16.1-x86_64`)
  fs.symlinkSync('/bin/true', `${release}/firecracker-v1.16.1-x86_64`)
  publish('1.16.1')
  const bytes = execFileSync('tar', ['-cz', '-C', folder, 'release-v1.16.1-x86_64'])
  const name = 'download/v1.16.1/firecracker-v1.16.1-x86_64.tgz'
  files[name] = bytes
  files[`${name}.sha256.txt`] = sha256(bytes)
  assert.match((await failure(pull('1.16.1'))).message, /not a regular file/)
})

test('what is no version is never asked for', async () => {
  for (const version of ['../x', '', 'latest', '1.16', '1.16.1/..', '1.16.1?x', '1.16.1-dev']) {
    assert.equal((await failure(pull(version))).code, 'UFR-USAGE')
  }
  assert.deepEqual(server.seen, [])
})
