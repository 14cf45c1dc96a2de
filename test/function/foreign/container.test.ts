import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { UfrError } from '../../../src/base/errors.ts'
import { noProgress } from '../../../src/base/progress.ts'
import { containerKind } from '../../../src/function/foreign/container/kind.ts'
import { lambdaClient } from '../../../src/function/foreign/container/lambda.ts'
import { registryReference } from '../../../src/function/foreign/container/registry.ts'
import { simpleCommand } from '../../../src/function/foreign/container/shell.ts'
import { nameOf } from '../../../src/function/foreign/container/spec.ts'
import type { Overrides } from '../../../src/function/foreign/foreign.ts'
import type { FunctionSpec } from '../../../src/function/spec.ts'
import { contentBytes } from '../../../src/image/content.ts'
import {
  blobOf,
  dockerOf,
  imageParts,
  layoutOf,
  type TinyImage,
  types,
  writeArchive,
  writeFolder,
} from '../../image/container/fixtures.ts'
import type { TarEntry } from '../../image/formats/tiny-tar.ts'
import { fakeRegistry, wantsToken } from '../../kernel/oci/fake-registry.ts'

/** The first bytes of a program are enough here. */
const elf = Buffer.from('7f454c4602010100', 'hex')
const program = (name: string): TarEntry => ({ name, data: elf, mode: 0o755 })
const script = (name: string, data: string): TarEntry => ({ name, data, mode: 0o755 })
const root = [
  program('usr/bin/dash'),
  { name: 'bin', type: '2', target: 'usr/bin' },
  { name: 'usr/bin/sh', type: '2', target: 'dash' },
  program('usr/local/bin/server'),
  script('entry.sh', '#!/bin/sh\nset -e\nexec "$@"\n'),
  script('run', '#!/usr/bin/env server\n'),
]

function scratch(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-container-'))
  const before = process.env['UFR_HOME']
  process.env['UFR_HOME'] = path.join(folder, 'home')
  t.after(() => {
    if (before === undefined) delete process.env['UFR_HOME']
    else process.env['UFR_HOME'] = before
    fs.rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

async function load(input: string, overrides: Overrides = {}): Promise<FunctionSpec> {
  return (await containerKind.recognise(input)!.load(overrides, noProgress())).spec
}

function archive(
  t: TestContext,
  config: TinyImage['config'],
  name?: string,
  layers = [root as TarEntry[]],
): string {
  const image = { layers, ...(config && { config }), ...(name !== undefined && { name }) }
  return writeArchive(path.join(scratch(t), 'some image.tar'), dockerOf(image))
}

const refused = (code: string, message: RegExp) => ({ name: 'UfrError', code, message })

test('what an image says is what the function is', async (t) => {
  const file = archive(
    t,
    {
      Entrypoint: ['server', '--flag'],
      Cmd: ['a', 'b c'],
      Env: ['WORD=x', 'PATH=/usr/local/bin'],
      WorkingDir: 'srv/app',
      ExposedPorts: { '53/udp': {}, '9001/tcp': {}, '9000': {}, '10000/tcp': {} },
      User: '1000:1000',
      Volumes: { '/data': {} },
    },
    'registry.example/team/hello:1.2',
  )
  const spec = await load(file, { memoryMiB: 300, timeoutSeconds: undefined as never })
  const { name, runtime, shape, command, args, port, environment, workingDirectory, memoryMiB } = spec
  assert.deepEqual(
    { name, runtime, shape, command, args, port, workingDirectory, memoryMiB },
    {
      name: 'hello',
      runtime: 'native',
      shape: 'web',
      command: 'server',
      args: ['--flag', 'a', 'b c'],
      port: 9000,
      workingDirectory: '/srv/app',
      memoryMiB: 300,
    },
  )
  assert.deepEqual(environment, { PATH: '/usr/local/bin', HOME: '/root', WORD: 'x' })
  assert.equal(typeof spec.timeoutSeconds, 'number')
  assert.match(spec.notes!.join('\n'), /user "1000:1000".*\n.*\/data.*\n.*several ports/)
  assert.equal(spec.forks, undefined)
  // As runtimes do: the working directory is made, and folders are there to mount on.
  const tree = spec.root!.tree()
  for (const folder of ['srv/app', 'dev', 'proc', 'sys', 'tmp', 'run'])
    assert.equal(tree.get(folder)?.kind, 'directory')
  assert.deepEqual([spec.root!.whole, spec.root!.writable], [true, true])
})

test('without a port it is a program, named by its file', async (t) => {
  const spec = await load(archive(t, { Cmd: ['/usr/local/bin/server'] }))
  assert.deepEqual(
    [spec.name, spec.shape, spec.port, spec.command, spec.args, spec.workingDirectory],
    ['some-image', 'program', undefined, '/usr/local/bin/server', [], '/'],
  )
})

test('the same layers are the same root, whatever is started in it', async (t) => {
  const one = await load(archive(t, { Cmd: ['server'] }))
  const other = await load(archive(t, { Cmd: ['server', 'x'], Env: ['A=b'] }))
  const third = await load(archive(t, { Cmd: ['server'] }, undefined, [[...root, { name: 'more' }]]))
  assert.equal(one.root!.key, other.root!.key)
  assert.notEqual(one.root!.key, third.root!.key)
})

test('what only starts one program is that program', async (t) => {
  const cases: [Record<string, unknown>, string[]][] = [
    [{ Entrypoint: ['/bin/sh', '-c', 'exec server --port 80'] }, ['server', '--port', '80']],
    [{ Cmd: ['sh', '-c', `server "two words" 'and three'`] }, ['server', 'two words', 'and three']],
    [{ Entrypoint: ['/sbin/tini', '--'], Cmd: ['server', 'x'] }, ['server', 'x']],
    [{ Entrypoint: ['tini', '-g', '--', 'server'] }, ['server']],
    [{ Entrypoint: ['dumb-init', 'server'] }, ['server']],
    [{ Entrypoint: ['/usr/bin/tini', '--', '/bin/sh', '-c'], Cmd: ['server'] }, ['server']],
    [{ Entrypoint: ['/run'] }, ['/run']],
  ]
  for (const [config, argv] of cases) {
    const spec = await load(archive(t, config))
    assert.deepEqual([[spec.command, ...spec.args], spec.forks], [argv, undefined])
  }
})

test('what starts further programs is known, and how to go on', async (t) => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ Entrypoint: ['/entry.sh'], Cmd: ['server', 'two words'] }, /a shell script, \/entry\.sh/],
    [{ Cmd: ['sh', '-c', 'server | cat'] }, /a command for a shell/],
    [{ Cmd: ['sh', '-c', 'server $PORT'] }, /a command for a shell/],
    [{ Cmd: ['/bin/sh'] }, /a shell/],
    [{ Cmd: ['/usr/bin/dash', '/entry.sh'] }, /a shell/],
    [{ Entrypoint: ['tini', '-s'] }, /by tini/],
  ]
  for (const [config, why] of cases) {
    const { forks, args, command } = await load(archive(t, config))
    assert.match(forks!.why, why)
    assert.match(forks!.fix, /--unikernel linux.*--command/)
    const { Entrypoint = [], Cmd = [] } = config as Record<string, string[]>
    assert.deepEqual([command, ...args], [...Entrypoint, ...Cmd])
  }
  const { forks } = await load(archive(t, { Entrypoint: ['/entry.sh'], Cmd: ['server', 'two words'] }))
  assert.ok(forks!.fix.endsWith(`--command "server 'two words'"`))
})

test('--command takes the place of entrypoint and command', async (t) => {
  const file = archive(t, { Entrypoint: ['/entry.sh'], Cmd: ['x'] })
  const spec = await load(file, { command: "server 'two words' 3" })
  assert.deepEqual([spec.command, spec.args, spec.forks], ['server', ['two words', '3'], undefined])
  assert.equal((await load(file, { command: 'echo hi' })).command, 'echo')
  // What is said beside the image wins over what is in it.
  const said = { port: 81, environment: { A: 'b' }, name: 'own', workingDirectory: '/w' }
  const { shape, port, environment, name, workingDirectory } = await load(file, said)
  assert.deepEqual([shape, port, environment['A'], name, workingDirectory], ['web', 81, 'b', 'own', '/w'])
})

test('an image for Lambda has its way in where the runtime says so', async (t) => {
  const config = {
    Entrypoint: ['/lambda-entrypoint.sh'],
    Cmd: ['app.handler'],
    Env: ['LAMBDA_TASK_ROOT=/var/task', 'A=b'],
  }
  const spec = await load(archive(t, config), { runtime: 'provided.al2023' })
  assert.deepEqual(
    [
      spec.runtime,
      spec.shape,
      spec.command,
      spec.handler,
      spec.environment['A'],
      'LAMBDA_TASK_ROOT' in spec.environment,
    ],
    ['provided.al2023', 'handler', '/var/runtime/bootstrap', 'app.handler', 'b', false],
  )
  await assert.rejects(
    load(archive(t, { Cmd: ['server'] }), { runtime: 'nodejs24.x' }),
    refused('UFR-CONTAINER', /nodejs24/),
  )
})

test('a layer that cannot be is refused with the name of its image', async (t) => {
  const file = archive(t, { Cmd: ['x'] }, 'bad:1', [[{ name: '../x' }]])
  await assert.rejects(load(file), refused('UFR-FORMAT', /^bad:1: .*leads out of the root/))
})

test('an image that starts nothing, and one for Lambda, are refused with what to do', async (t) => {
  await assert.rejects(load(archive(t, {})), refused('UFR-CONTAINER', /neither entrypoint nor command/))
  const forLambda = archive(t, { Entrypoint: ['/lambda-entrypoint.sh'], Cmd: ['index.handler'] }, 'fn:1')
  await assert.rejects(
    load(forLambda),
    refused('UFR-CONTAINER', /fn:1 is an image for AWS Lambda: \/lambda-entrypoint/),
  )
})

test("AWS's runtime interface clients are known by their names", () => {
  const known = [
    ['/lambda-entrypoint.sh', 'app.handler'],
    ['/usr/local/bin/aws-lambda-rie', 'x'],
    ['/usr/local/bin/python', '-m', 'awslambdaric', 'app.handler'],
    ['/usr/local/bin/npx', 'aws-lambda-ric', 'app.handler'],
    ['java', '-cp', './*', 'com.amazonaws.services.lambda.runtime.api.client.AWSLambda', 'x::y'],
  ]
  for (const argv of known) assert.ok(lambdaClient(argv), argv.join(' '))
  for (const argv of [['node', 'lambda.js'], ['/app/bootstrap'], []])
    assert.equal(lambdaClient(argv), undefined)
})

test('only plain commands of a shell are taken for programs', () => {
  assert.deepEqual(simpleCommand(`  exec node 'a b' "c d" e=f  `), ['node', 'a b', 'c d', 'e=f'])
  const others = [
    '',
    'a;b',
    'a b\nc',
    'a && b',
    '$A',
    'a "$b"',
    'a `b`',
    'a > b',
    'a*',
    'A=b c',
    'cd x',
    'exec',
    'a "b',
    `a b'c'`,
    'a # b',
    '~/x',
    'a\\ b',
    '. x',
    'exec -a x y',
    '{ a',
    '(a)',
    'a &',
  ]
  for (const text of others) assert.equal(simpleCommand(text), undefined, text)
})

test('names come from images and files', () => {
  assert.deepEqual(
    [
      'registry.example:5000/team/hello:1.2',
      'hello@sha256:00',
      '/tmp/my image.tar',
      'layout/',
      'x:1',
      '...',
    ].map(nameOf),
    ['hello', 'hello', 'my-image', 'function', 'x', 'function'],
  )
})

test('what is a container image is told by a look', (t) => {
  const folder = scratch(t)
  const at = (name: string) => path.join(folder, name)
  const titleOf = (input: string) => containerKind.recognise(input)?.title
  writeArchive(at('a.tar'), dockerOf({ layers: [root] }))
  writeFolder(at('layout'), layoutOf({ layers: [root] }))
  fs.mkdirSync(at('empty'))
  fs.writeFileSync(at('text'), 'x'.repeat(1000))
  fs.writeFileSync(at('a.tar.gz'), Buffer.from('1f8b0800', 'hex'))
  assert.match(titleOf(at('a.tar'))!, /container image/)
  assert.match(titleOf(at('layout'))!, /OCI image layout/)
  assert.match(titleOf('oci://localhost:1/x')!, /oci:\/\/localhost:1\/x/)
  for (const other of [at('empty'), at('text'), at('nothing'), 'http://x/y'])
    assert.equal(titleOf(other), undefined)
  assert.throws(
    () => titleOf(at('a.tar.gz')),
    (error: unknown) => {
      return error instanceof UfrError && error.code === 'UFR-CONTAINER' && /gunzip -k/.test(error.fix)
    },
  )
})

test('references are read as people write them', () => {
  const shown = (input: string) => {
    const { registry, repository, tag, digest } = registryReference(input)
    return [registry, repository, tag, digest]
  }
  const digest = `sha256:${'0'.repeat(64)}`
  assert.deepEqual(shown('docker://nginx'), ['docker.io', 'library/nginx', 'latest', undefined])
  assert.deepEqual(shown('docker://me/app:2'), ['docker.io', 'me/app', '2', undefined])
  assert.deepEqual(shown('oci://localhost:5000/a/b'), ['localhost:5000', 'a/b', 'latest', undefined])
  assert.deepEqual(shown(`oci://r.example/a@${digest}`), ['r.example', 'a', undefined, digest])
  assert.throws(() => shown('oci://nginx'), refused('UFR-USAGE', /names no registry/))
  assert.throws(() => shown('oci://'), refused('UFR-USAGE', /no reference/))
})

test('an image comes from a registry, with a token, and its layers only once', async (t) => {
  scratch(t)
  const registry = await fakeRegistry('team/hello')
  t.after(() => registry[Symbol.asyncDispose]())
  const parts = imageParts({
    layers: [root, [{ name: 'etc/msg', data: 'hi' }]],
    packing: 'gzip',
    config: { Cmd: ['server'] },
  })
  registry.push(parts.config.bytes)
  for (const layer of parts.layers) registry.push(layer.bytes)
  const manifest = registry.push(parts.manifest.bytes, types.manifest)
  const arm = registry.push(blobOf('arm').bytes)
  const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } })
  registry.pushIndex(
    [
      { ...arm, ...platform('arm64') },
      { ...manifest, ...platform('amd64') },
    ],
    '1',
  )
  const paths: string[] = []
  wantsToken(registry)
  const withToken = registry.intercept
  registry.intercept = (request, response) => {
    paths.push(request.url!)
    return withToken(request, response)
  }
  const layerRequests = () =>
    paths.filter((url) => parts.layers.some(({ digest }) => url.endsWith(digest))).length
  const spec = await load(`oci://${registry.name}:1`)
  const file = spec.root!.tree().get('etc/msg')
  assert.equal(file?.kind === 'file' && contentBytes(file.content).toString(), 'hi')
  assert.deepEqual([spec.name, spec.command, layerRequests()], ['hello', 'server', 2])
  await load(`oci://${registry.name}:1`)
  assert.equal(layerRequests(), 2)
  // What was unpacked is all that is kept of them.
  const kept = fs.readdirSync(path.join(process.env['UFR_HOME']!, 'containers', 'blobs'))
  assert.deepEqual(kept, [parts.config.digest.slice(7)])
  await assert.rejects(load(`oci://${registry.name}:2`), refused('UFR-DOWNLOAD', /cannot be had/))
})
