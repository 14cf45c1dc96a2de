import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import { noProgress } from '../../src/base/progress.ts'
import { type BuildRequest, type Built, buildFromSource } from '../../src/kernel/build/build.ts'
import { kernelKind, listKernels } from '../../src/kernel/store.ts'
import { importNanos } from '../../src/unikernel/nanos/import.ts'
import { nanosKernel } from '../unikernel/nanos-folders.ts'
import { commitFiles, git, gitEnvironment, makeRepository } from './git-repository.ts'
import { filesBelow, recordingProgress, useHome } from './home.ts'
import { serve } from './server.ts'

const home = useHome()
const signal = new AbortController().signal
const kernel = nanosKernel()
const sources = { 'kernel.bin': kernel, 'build.sh': 'mkdir -p out && cp kernel.bin out/kernel.img\n' }
const outFile = 'out/kernel.img'

// The user's own settings of git are nothing to these tests.
const before = { ...process.env }
beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('GIT_')) delete process.env[name]
  Object.assign(process.env, { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' })
})
afterEach(() => {
  for (const name of Object.keys(process.env))
    if (before[name] === undefined && name.startsWith('GIT_')) delete process.env[name]
  process.env['PATH'] = before['PATH']
})

const repo = (name = 'upstream') => home.beside(name)
const lockOnly = ['build/kernel-nanos/lock']

function request(more: Partial<BuildRequest> = {}): BuildRequest {
  const command = ['sh', 'build.sh']
  const usual = { kind: kernelKind, name: 'nanos', repo: repo(), ref: 'main', output: outFile, command }
  return { ...usual, keep: false, ...more }
}

interface Heard {
  text: string
}

function build(more: Partial<BuildRequest> = {}, heard: Heard = { text: '' }, end = signal) {
  const output = (chunk: Buffer) => {
    heard.text += chunk
  }
  const take = ({ path, options }: Built) => importNanos(path, options, noProgress())
  return buildFromSource(request(more), { progress: noProgress(), signal: end, output }, take)
}

async function refused(code: string, pattern: RegExp, more: Partial<BuildRequest> = {}): Promise<UfrError> {
  const error = await build(more).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  assert.equal(error.code, code, error.message)
  assert.match(error.message, pattern)
  assert.deepEqual(listKernels(), { kernels: [], broken: [] })
  const left = filesBelow(homePath())
  assert.ok(left.length === 0 || left.join() === lockOnly.join(), left.join())
  return error
}

test('a branch is fetched, built, and its outcome taken with all that is known of it', async () => {
  makeRepository(repo(), { old: 'x' })
  const commit = commitFiles(repo(), sources)
  const heard = { text: '' }
  const command = ['sh', '-c', 'echo building "$1" && . ./build.sh', 'sh', 'a b']
  const { kernel: made, already } = await build({ command }, heard)
  assert.equal(already, false)
  assert.equal(made.version, commit.slice(0, 8))
  const { at, sha256, ...provenance } = made.provenance
  assert.ok(at && sha256 === made.files[0]?.sha256)
  assert.deepEqual(provenance, {
    how: 'build',
    from: repo(),
    build: { repo: repo(), ref: 'main', commit, command, output: outFile, submodules: [] },
  })
  assert.equal(heard.text, 'building a b\n')
  assert.deepEqual(filesBelow(homePath('build')), ['kernel-nanos/lock'])
  assert.equal((await build({ command })).already, true)
})

test('tags, commits, shortened ones, full names; only what is asked for is fetched', async () => {
  const first = makeRepository(repo(), sources)
  git(repo(), 'tag', '-a', '-m', 'release', 'v1.2.3')
  git(repo(), 'tag', 'stable/one')
  const second = commitFiles(repo(), { more: 'x' })
  commitFiles(repo(), { more: 'y' })
  const command = ['sh', '-c', 'git rev-list --count HEAD; git describe --tags --exact-match; sh build.sh']
  const cases: [string, string, string][] = [
    ['v1.2.3', '1.2.3', first],
    ['stable/one', 'stable-one', first],
    ['refs/tags/v1.2.3', '1.2.3', first],
    [second, second.slice(0, 8), second],
    [second.slice(0, 10), second.slice(0, 8), second],
    ['HEAD', '', ''],
  ]
  for (const [ref, version, commit] of cases) {
    const heard = { text: '' }
    const { kernel: made } = await build(
      { ref, command, version: `asked-${ref.replaceAll('/', '-')}` },
      heard,
    )
    assert.equal(made.provenance.build?.ref, ref)
    if (commit !== '') assert.equal(made.provenance.build?.commit, commit)
    if (ref.includes('v1')) assert.match(heard.text, /^v1\.2\.3$/m)
    // By its first digits a commit is found only in the whole history.
    assert.match(heard.text, ref === second.slice(0, 10) ? /^2$/m : /^1$/m)
    if (version !== '') assert.equal((await build({ ref })).kernel.version, version)
  }
})

test('an address of the file system is fetched like any other', async () => {
  makeRepository(repo(), sources)
  commitFiles(repo(), { more: 'x' })
  const heard = { text: '' }
  const command = ['sh', '-c', 'git rev-list --count HEAD; sh build.sh']
  await build({ repo: `file://${repo()}`, command }, heard)
  assert.match(heard.text, /^1$/m)
})

test('submodules come with it, those of submodules too, and are recorded', async () => {
  const inner = makeRepository(repo('inner'), { 'kernel.bin': kernel })
  const middle = repo('middle')
  makeRepository(middle, { text: 'x' })
  git(middle, 'submodule', '--quiet', 'add', repo('inner'), 'in side')
  const middleCommit = commitFiles(middle, {})
  makeRepository(repo(), { 'build.sh': 'mkdir out && cp "lib/in side/kernel.bin" out/kernel.img\n' })
  git(repo(), 'submodule', '--quiet', 'add', '../middle', 'lib')
  commitFiles(repo(), {})
  // The submodules move on; what is recorded stays.
  commitFiles(repo('inner'), { 'kernel.bin': 'other' })
  commitFiles(middle, { text: 'y' })
  const { kernel: made } = await build()
  assert.deepEqual(made.provenance.build?.submodules, [
    { path: 'lib', commit: middleCommit },
    { path: 'lib/in side', commit: inner },
  ])
})

test('a submodule that cannot be had is an error with the words of git', async () => {
  makeRepository(repo('inner'), { text: 'x' })
  makeRepository(repo(), sources)
  git(repo(), 'submodule', '--quiet', 'add', repo('inner'), 'lib')
  commitFiles(repo(), {})
  fs.rmSync(repo('inner'), { recursive: true })
  const error = await refused('UFR-BUILD-SOURCE', /a submodule cannot be had/)
  assert.match(error.detail.join('\n'), /inner/)
  const script = `[submodule "lib"]\n\tpath = lib\n\turl = ext::sh -c touch% ${home.beside('touched')}\n`
  commitFiles(repo(), { '.gitmodules': script })
  await refused('UFR-BUILD-SOURCE', /a submodule cannot be had/)
  assert.ok(!fs.existsSync(home.beside('touched')))
})

/** A repository on loopback that has no means to give a part of a history. */
async function serveRepository(folder: string, authorized = true) {
  git(folder, 'update-server-info')
  return serve((request, response) => {
    const file = path.join(folder, '.git', decodeURI(new URL(request.url!, 'http://x').pathname))
    const plain = fs.statSync(file, { throwIfNoEntry: false })?.isFile()
    if (!authorized) response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    else if (plain) response.end(fs.readFileSync(file))
    else response.writeHead(404).end()
  })
}

test('a server that gives whole histories only, over HTTP', { timeout: 60_000 }, async () => {
  makeRepository(repo(), sources)
  const commit = commitFiles(repo(), { more: 'x' })
  git(repo(), 'tag', '1.0')
  await using server = await serveRepository(repo())
  const address = `http://ada:secret@127.0.0.1:${server.port}/`
  const heard = { text: '' }
  const command = ['sh', '-c', 'git rev-list --count HEAD; git config remote.origin.url; sh build.sh']
  const { kernel: made } = await build({ repo: address, ref: '1.0', command }, heard)
  assert.equal(made.provenance.build?.commit, commit)
  assert.match(heard.text, /^2$/m)
  assert.equal(made.provenance.from, `http://127.0.0.1:${server.port}/`)
  assert.ok(!heard.text.includes('secret'))
  assert.ok(!fs.readFileSync(path.join(made.folder, 'kernel.json'), 'utf8').includes('secret'))
})

test('a submodule of a remote repository is never a folder of this machine', {
  timeout: 60_000,
}, async () => {
  makeRepository(repo('private'), { text: 'x' })
  makeRepository(repo(), sources)
  git(repo(), 'submodule', '--quiet', 'add', repo('private'), 'lib')
  commitFiles(repo(), {})
  await using server = await serveRepository(repo())
  const error = await refused('UFR-BUILD-SOURCE', /a submodule cannot be had/, { repo: server.base })
  assert.match(error.detail.join('\n'), /'file' not allowed/)
})

test('nobody is asked for a password, and none is told', { timeout: 60_000 }, async () => {
  makeRepository(repo(), sources)
  await using server = await serveRepository(repo(), false)
  const asking = path.join(home.folder(), 'asking')
  fs.writeFileSync(asking, `#!/bin/sh\ntouch ${home.beside('asked')}\necho x\n`, { mode: 0o755 })
  process.env['GIT_ASKPASS'] = asking
  process.env['SSH_ASKPASS'] = asking
  await refused('UFR-BUILD-SOURCE', /the repository cannot be read/, { repo: server.base })
  const address = `http://ada:secret@127.0.0.1:${server.port}/`
  const error = await refused('UFR-BUILD-SOURCE', /the repository cannot be read/, { repo: address })
  assert.ok(!JSON.stringify(error).includes('secret'), JSON.stringify(error))
  assert.ok(!fs.existsSync(home.beside('asked')))
  delete process.env['SSH_ASKPASS']
})

test('what is not there: the repository, the ref, git', async () => {
  await refused('UFR-BUILD-SOURCE', /upstream is no folder/)
  fs.mkdirSync(repo())
  await refused('UFR-BUILD-SOURCE', /the repository cannot be read/)
  makeRepository(repo(), sources)
  for (const ref of ['nope', 'a'.repeat(40), 'abcdef12', 'ain'])
    await refused('UFR-BUILD-SOURCE', new RegExp(`has no branch, tag or commit ${ref}`), { ref })
  const bin = home.beside('bin')
  fs.mkdirSync(bin)
  for (const name of ['sh', 'flock', 'cat'])
    fs.symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), path.join(bin, name))
  process.env['PATH'] = bin
  const error = await refused('UFR-COMMAND', /git is not installed/)
  assert.match(error.fix, /apt-get install git/)
})

test('what cannot be meant is refused before anything is fetched', async () => {
  makeRepository(repo(), sources)
  await refused('UFR-USAGE', /can name no branch/, { ref: '--upload-pack=touch x' })
  await refused('UFR-USAGE', /is no path in the clone/, { output: '../kernel.img' })
  await refused('UFR-USAGE', /is no path in the clone/, { output: '/etc/passwd' })
  await refused('UFR-USAGE', /--modules .* is no path in the clone/, { also: { '--modules': '/lib' } })
  await refused('UFR-USAGE', /cannot name a kernel/, { version: '../x' })
  await refused('UFR-USAGE', /no command/, { command: [] })
  await refused('UFR-BUILD-COMMAND', /no-such-command is not on PATH/, { command: ['no-such-command'] })
  assert.deepEqual(filesBelow(homePath()), [])
})

test('a command that fails is told with its status and last lines', async () => {
  makeRepository(repo(), sources)
  const command = ['sh', '-c', 'echo first; echo "kernel.c:1: error: x" >&2; exit 7']
  const error = await refused('UFR-BUILD-COMMAND', /the build of nanos failed with status 7: sh -c/, {
    command,
  })
  assert.deepEqual(error.detail.toSorted(), ['first', 'kernel.c:1: error: x'])
  await refused('UFR-BUILD-COMMAND', /\.\/configure is no program in the clone/, { command: ['./configure'] })
  await refused('UFR-BUILD-COMMAND', /\.\/build\.sh is no program in the clone/, { command: ['./build.sh'] })
  await refused('UFR-BUILD-COMMAND', /failed with status 137/, { command: ['sh', '-c', 'kill -KILL $$'] })
  await refused('UFR-BUILD-COMMAND', /failed with status 1/, { command: ['cat', '/dev/null/x'] })
})

test("a program of the clone's own, with the caller's environment and nothing of a hook's", async () => {
  makeRepository(repo(), sources)
  fs.chmodSync(path.join(repo(), 'build.sh'), 0o755)
  const script = '#!/bin/sh\necho "$UFR_TEST_VALUE"\ngit rev-parse --show-toplevel\n. ./build.sh\n'
  commitFiles(repo(), { run: script })
  fs.chmodSync(path.join(repo(), 'run'), 0o755)
  commitFiles(repo(), {})
  process.env['UFR_TEST_VALUE'] = 'a value'
  process.env['GIT_DIR'] = '/nonexistent'
  const heard = { text: '' }
  await build({ command: ['./run'] }, heard)
  delete process.env['UFR_TEST_VALUE']
  assert.match(heard.text, /^a value\n.*\/build\/kernel-nanos\/\.tmp-\w+\/upstream\n$/)
})

test('an output that is not there, not a file, or not in the clone', async () => {
  makeRepository(repo(), { ...sources, 'kernel.txt': 'text' })
  const made = (script: string) => ({ command: ['sh', '-c', script] })
  await refused('UFR-BUILD-OUTPUT', /out\/kernel\.img is not there after the build/, made('true'))
  await refused('UFR-BUILD-OUTPUT', /is not there after the build/, made('echo > out'))
  const outside = home.beside('outside.img')
  fs.writeFileSync(outside, kernel)
  await refused('UFR-BUILD-OUTPUT', /leads out of the clone/, made(`mkdir out; ln -s ${outside} ${outFile}`))
  const folder = `mkdir ../x; cp kernel.bin ../x/kernel.img; ln -s ../x out`
  await refused('UFR-BUILD-OUTPUT', /leads out of the clone/, made(folder))
  await refused('UFR-BUILD-OUTPUT', /leads nowhere/, made(`mkdir out; ln -s nowhere ${outFile}`))
  await refused('UFR-BUILD-OUTPUT', /neither a file nor a folder/, made(`mkdir out; mkfifo ${outFile}`))
  await refused('UFR-BUILD-OUTPUT', /cannot be looked at|leads nowhere/, made('ln -s out out'))
  const error = await refused('UFR-BUILD-OUTPUT', /kernel\.txt is of no use: kernel\.txt is no kernel/, {
    output: 'kernel.txt',
  })
  assert.doesNotMatch(`${error.message} ${error.fix}`, /\.tmp-/)
  await refused('UFR-BUILD-OUTPUT', /at \. is of no use: the clone holds no Nanos kernel/, { output: '.' })
  const inside = made(`mkdir out; ln -s ../kernel.bin ${outFile}`)
  assert.equal((await build(inside)).already, false)
})

test('with keep the clone stays, also after a failure, and is no other build', async () => {
  makeRepository(repo(), sources)
  const progress = recordingProgress()
  const context = { progress, signal, output: () => {} }
  const take = async (built: Built) => built.path
  const file = await buildFromSource(request({ keep: true }), context, take)
  assert.ok(fs.existsSync(file))
  const folder = path.dirname(path.dirname(path.dirname(file)))
  assert.match(progress.notes.join('\n'), new RegExp(`The build is in ${folder} and stays there`))
  await build()
  assert.ok(fs.existsSync(file))
  await assert.rejects(build({ keep: true, command: ['false'] }), /status 1/)
  assert.equal(fs.readdirSync(path.dirname(folder)).filter((name) => name.startsWith('kept-')).length, 2)
})

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (condition()) return
    await sleep(10)
  }
  assert.fail(`${what} did not come`)
}

function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('interrupted, the command and all that it started end, and nothing is left', {
  timeout: 60_000,
}, async () => {
  makeRepository(repo(), sources)
  const pids = home.beside('pids')
  const controller = new AbortController()
  const script = `sleep 1000 & echo $! > ${pids}.part; echo $$ >> ${pids}.part; mv ${pids}.part ${pids}; wait`
  const running = build({ command: ['sh', '-c', script] }, undefined, controller.signal)
  const rejected = assert.rejects(running, /enough/)
  await until(() => fs.existsSync(pids), 'the command')
  controller.abort(new Error('enough'))
  await rejected
  for (const pid of fs.readFileSync(pids, 'utf8').trim().split('\n').map(Number))
    await until(() => !alive(pid), `the end of ${pid}`)
  assert.deepEqual(filesBelow(homePath()), lockOnly)
  assert.equal((await build()).already, false)
})

test('two of a name take turns; one that waits can be ended', { timeout: 60_000 }, async () => {
  makeRepository(repo(), sources)
  const log = home.beside('log')
  const command = ['sh', '-c', `echo in >> ${log}; sleep 0.3; echo out >> ${log}; . ./build.sh`]
  const results = await Promise.all([build({ command }), build({ command })])
  assert.deepEqual(results.map(({ already }) => already).toSorted(), [false, true])
  assert.equal(fs.readFileSync(log, 'utf8'), 'in\nout\nin\nout\n')

  const go = home.beside('go')
  const blocking = build({ command: ['sh', '-c', `while [ ! -e ${go} ]; do sleep 0.05; done; sh build.sh`] })
  await until(() => fs.readdirSync(homePath('build/kernel-nanos')).length > 1, 'the first build')
  const controller = new AbortController()
  const waiting = build({}, undefined, controller.signal)
  const rejected = assert.rejects(waiting, /enough/)
  setTimeout(() => controller.abort(new Error('enough')), 200)
  await rejected
  fs.writeFileSync(go, '')
  assert.equal((await blocking).already, true)
})

test('what a killed build left is removed by the next', async () => {
  makeRepository(repo(), sources)
  const left = homePath('build/kernel-nanos/.tmp-abcdef/upstream/out')
  fs.mkdirSync(left, { recursive: true })
  fs.chmodSync(left, 0o500)
  await build()
  assert.deepEqual(filesBelow(homePath('build')), ['kernel-nanos/lock'])
  assert.deepEqual(fs.readdirSync(homePath('build/kernel-nanos')), ['lock'])
})

/** A small file system of the test's own as UFR_HOME; undefined where this machine does not allow that. */
function smallHome(t: TestContext): string | undefined {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-build-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder], { stdio: 'pipe' })
  } catch {
    fs.rmdirSync(folder)
    return undefined
  }
  t.after(() => {
    execFileSync('umount', ['--lazy', folder])
    fs.rmdirSync(folder)
  })
  return folder
}

test('a full disk is told as such, in fetching and in building', { timeout: 60_000 }, async (t) => {
  const small = smallHome(t)
  if (!small) return t.skip('no file system can be mounted here')
  process.env['UFR_HOME'] = small
  makeRepository(repo(), sources)
  const fill = { command: ['sh', '-c', 'dd if=/dev/zero of=big bs=1M count=8'] }
  const built = await refused('UFR-DATA', /cannot be written: no space is left/, fill)
  assert.match(built.fix, /Free space there/)
  const random = Buffer.from(Array.from({ length: 3 << 20 }, (_, i) => (i * i * 2654435761) >>> 13))
  commitFiles(repo(), { random })
  const fetched = await refused('UFR-DATA', /cannot be written: no space is left/)
  assert.ok(fetched.message.includes(small))
})

test('the environment of tests reaches no repository but their own', () => {
  assert.equal(gitEnvironment()['GIT_DIR'], undefined)
})
