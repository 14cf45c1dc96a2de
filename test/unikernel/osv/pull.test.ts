import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { UfrError } from '../../../src/base/errors.ts'
import { homePath } from '../../../src/base/paths.ts'
import { listKernels, removeKernel } from '../../../src/kernel/store.ts'
import { pullOsv } from '../../../src/unikernel/osv/pull.ts'
import { filesBelow, recordingProgress, useHome } from '../../kernel/home.ts'
import { serve, type TestServer } from '../../kernel/server.ts'
import { osvKernel, version } from './folders.ts'

useHome()
const quick = { backoff: 1, attempts: 1 }
const names = ['UFR_MIRROR', 'HTTP_PROXY', 'http_proxy']
const before = names.map((name) => process.env[name])
const nightly = '/github.com/osvunikernel/osv-nightly-releases/releases/download/ci-master-latest/'
const numbered = (number: string) => `/github.com/cloudius-systems/osv/releases/download/v${number}/`

let server: TestServer
/** What the mirror has, by path. */
let files: Record<string, Uint8Array | string> = {}

beforeEach(async () => {
  files = {}
  server = await serve((request, response) => {
    const content = files[request.url ?? '']
    if (content === undefined) response.writeHead(404).end()
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

function publishNewest(number = version, kernel: Uint8Array = osvKernel(`v${number}`)): string {
  const bytes = gzipSync(kernel)
  files[`${nightly}osv-version`] = `v${number}\n`
  files[`${nightly}loader-hidden.elf.x86_64.gz`] = bytes
  return createHash('sha256').update(bytes).digest('hex')
}

async function failure(promise: Promise<unknown>): Promise<UfrError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  return error
}

function nothingKept(): void {
  assert.deepEqual(listKernels(), { kernels: [], broken: [] })
  assert.deepEqual(filesBelow(homePath('downloads')), ['osv.lock'])
}

test('the build of the newest sources is taken into the store, by the version it says', async () => {
  const sha256 = publishNewest()
  const progress = recordingProgress()
  const { kernel, already } = await pullOsv(undefined, progress, quick)
  assert.deepEqual([already, kernel.version], [false, version])
  assert.deepEqual(filesBelow(kernel.folder), ['kernel.json', 'loader.elf'])
  const { how, from, sha256: recorded, upstreamChecksum } = kernel.provenance
  assert.deepEqual([how, recorded, upstreamChecksum], ['pull', sha256, undefined])
  assert.equal(from, `${server.base}${nightly}loader-hidden.elf.x86_64.gz`)
  const notes = progress.notes.join('\n')
  assert.match(notes, /publishes no checksums/)
  assert.match(notes, new RegExp(`sha256 ${sha256} is recorded on first use`))
  assert.deepEqual(server.seen, [`GET ${nightly}osv-version`, `GET ${nightly}loader-hidden.elf.x86_64.gz`])
  assert.deepEqual(filesBelow(homePath('downloads')), ['osv.lock'])
})

test('what was pulled before is not downloaded again; the newest is looked up', async () => {
  publishNewest()
  await pullOsv(undefined, recordingProgress(), quick)
  const count = server.seen.length
  assert.equal((await pullOsv(undefined, recordingProgress(), quick)).already, true)
  assert.equal(server.seen.length, count + 1)
  assert.equal((await pullOsv(`v${version}`, recordingProgress(), quick)).already, true)
  assert.equal(server.seen.length, count + 1)
  publishNewest('0.57.0-400-g1234567')
  assert.equal((await pullOsv(undefined, recordingProgress(), quick)).kernel.version, '0.57.0-400-g1234567')
  assert.equal((await pullOsv(version, recordingProgress(), quick)).kernel.isDefault, true)
})

test('offline, the one that was pulled last is kept, and that is said; without one there is another way', async () => {
  const error = await failure(pullOsv(undefined, recordingProgress(), quick))
  assert.equal(error.code, 'UFR-DOWNLOAD')
  assert.match(error.fix, /ufr kernel import osv PATH/)
  publishNewest()
  await pullOsv(undefined, recordingProgress(), quick)
  files = {}
  const progress = recordingProgress()
  assert.equal((await pullOsv(undefined, progress, quick)).kernel.version, version)
  assert.match(progress.notes.join(), new RegExp(`cannot be looked up .*${version} is kept`))
})

test('a release with a number is had by it', async () => {
  files[`${numbered('0.58.0')}osv-loader.elf.x86_64.gz`] = gzipSync(osvKernel('v0.58.0'))
  const { kernel } = await pullOsv('0.58.0', recordingProgress(), quick)
  assert.equal(kernel.version, '0.58.0')
  assert.deepEqual(server.seen, [`GET ${numbered('0.58.0')}osv-loader.elf.x86_64.gz`])
})

test('releases that are too old are refused before anything is downloaded; builds that are gone, too', async () => {
  const old = await failure(pullOsv('0.57.0', recordingProgress(), quick))
  assert.equal(old.code, 'UFR-KERNEL-FILE')
  assert.match(old.message, /0\.57\.0 is too old/)
  const gone = await failure(pullOsv(version, recordingProgress(), quick))
  assert.equal(gone.code, 'UFR-DOWNLOAD')
  assert.match(gone.message, /newest sources only/)
  for (const odd of ['latest', '../x', '0.57', '0.57.0/..']) {
    assert.equal((await failure(pullOsv(odd, recordingProgress(), quick))).code, 'UFR-USAGE')
  }
  assert.deepEqual(server.seen, [])
})

test('a build that changes after its first download is refused with both sums, and nothing kept', async () => {
  const first = publishNewest()
  await pullOsv(undefined, recordingProgress(), quick)
  removeKernel('osv', version)
  const second = publishNewest(version, osvKernel(undefined, 'changed'))
  const error = await failure(pullOsv(undefined, recordingProgress(), quick))
  assert.equal(error.code, 'UFR-CHECKSUM')
  assert.deepEqual(error.detail, [`first download ${first}`, `this download  ${second}`])
  nothingKept()
})

test('what is damaged, something else, or another version than its page says is refused, and nothing kept', async () => {
  publishNewest()
  const asset = `${nightly}loader-hidden.elf.x86_64.gz`
  const whole = files[asset] as Buffer
  const cases: [Uint8Array | string, string, RegExp][] = [
    ['not packed', 'UFR-FORMAT', /cannot be unpacked/],
    [whole.subarray(0, whole.length - 20), 'UFR-FORMAT', /cannot be unpacked/],
    [gzipSync('text'), 'UFR-KERNEL-FILE', /no kernel/],
    [gzipSync(osvKernel('v0.58.0')), 'UFR-DOWNLOAD', /is OSv 0\.58\.0, not/],
  ]
  for (const [content, code, message] of cases) {
    files[asset] = content
    const error = await failure(pullOsv(undefined, recordingProgress(), quick))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    nothingKept()
  }
  assert.deepEqual(filesBelow(homePath('known')), [])
  files[`${nightly}osv-version`] = '<html>'
  assert.match((await failure(pullOsv(undefined, recordingProgress(), quick))).message, /holds no version/)
})
