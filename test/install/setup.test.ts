import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { checkout, type Ended, run, searchPath, temporaryFolder, writeProgram } from './sandbox.ts'

const limit = { timeout: 60_000 }

/** An apt-get that "installs" by making programs; it obeys files in $STATE and writes down how it is called. */
const aptGet = `words="$*"
while [ "$1" = -q ] || [ "$1" = -o ]; do [ "$1" = -q ] || shift; shift; done
echo "\${SUDO:+sudo }$*" >>"$STATE/calls"
if [ "$1" = update ]; then rm -f "$STATE/no-lists" "$STATE/old-lists"; [ ! -e "$STATE/vendor-down" ]; exit; fi
if [ -e "$STATE/no-lists" ]; then echo 'E: Unable to locate package'; exit 100; fi
echo 'Need to get 73.2 MB of archives.'; echo 'After this operation, 362 MB of additional disk space will be used.'
case $words in *--assume-no*) exit 1 ;; esac
if [ -e "$STATE/old-lists" ] || [ -e "$STATE/offline" ]; then echo 'E: Failed to fetch x  404  Not Found'; exit 100; fi
for name in qemu-system-x86_64 npm node; do ln -sf "$STATE/$name" "$BIN/$name"; done`

interface Machine {
  state: string
  setup: (env?: NodeJS.ProcessEnv, ...args: string[]) => Promise<Ended>
  /** The calls of apt-get and npm so far. */
  calls: () => string[]
}

/** A machine that lacks QEMU and npm, with a checkout whose ufr has nothing in its store yet. */
function machine(t: TestContext, programs: Record<string, string>, ...given: string[]): Machine {
  const [state, folder] = [temporaryFolder(t), temporaryFolder(t)]
  for (const name of given) fs.writeFileSync(path.join(state, name), '')
  writeProgram(path.join(state, 'qemu-system-x86_64'), 'exit 0')
  writeProgram(path.join(state, 'node'), `exec '${process.execPath}' "$@"`)
  writeProgram(path.join(state, 'npm'), 'echo "npm $1" >>"$STATE/calls"; mkdir -p node_modules')
  for (const name of ['script/setup', 'bin/node.sh', 'package-lock.json']) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.copyFileSync(path.join(checkout, name), path.join(folder, name))
  }
  const ufr = `[ "$2" != ls ] || { cat "$STATE/$1" 2>/dev/null; exit 0; }
echo "ufr $*" >>"$STATE/calls"
case $1 in kernel) echo linux@6.1 ;; runtime) echo node@24.1.0 ;; esac >"$STATE/$1"`
  writeProgram(path.join(folder, 'bin/ufr'), ufr)
  const BIN = searchPath(t, programs)
  for (const name of ['cmp', 'cp', 'grep', 'setpriv', 'flock']) {
    const file = findCommand(name)
    if (file !== undefined && !fs.existsSync(path.join(BIN, name))) fs.symlinkSync(file, path.join(BIN, name))
  }
  return {
    state,
    setup: (env = {}, ...args) =>
      run(t, path.join(folder, 'script/setup'), args, { PATH: BIN, BIN, STATE: state, HOME: state, ...env }),
    calls: () =>
      fs.existsSync(path.join(state, 'calls'))
        ? fs.readFileSync(path.join(state, 'calls'), 'utf8').trimEnd().split('\n')
        : [],
  }
}

const root = { id: 'echo 0' }
const user = { id: 'echo 1000' }
const look = 'install --assume-no --no-install-recommends qemu-system-x86 npm'
const install = 'install -y --no-install-recommends qemu-system-x86 npm'
const rest = ['npm ci', 'ufr kernel pull linux', 'ufr runtime pull nodejs24.x']

test(
  'setup installs what is missing, says what and why, and does nothing the second time',
  limit,
  async (t) => {
    const { setup, calls } = machine(t, { ...root, 'apt-get': aptGet })
    const first = await setup()
    assert.equal(first.status, 0, first.stderr)
    assert.equal(first.stdout, '')
    assert.match(first.stderr, /^ {2}qemu-system-x86: boots the guests/m)
    assert.match(first.stderr, /\(73\.2 MB to download, 362 MB on the disk\)/)
    assert.deepEqual(calls(), [look, install, ...rest])
    const second = await setup()
    assert.equal(second.status, 0)
    assert.match(second.stderr, /^setup: everything is there \(data in .*\)\n$/)
    assert.deepEqual(calls(), [look, install, ...rest])
  },
)

test(
  'setup updates the lists of packages where there are none, whatever sources are down',
  limit,
  async (t) => {
    const { setup, calls } = machine(t, { ...root, 'apt-get': aptGet }, 'no-lists', 'vendor-down')
    const { status, stderr } = await setup()
    assert.equal(status, 0, stderr)
    assert.match(stderr, /some package sources of this machine cannot be reached/)
    assert.deepEqual(calls(), [look, 'update', look, install, ...rest])
  },
)

test('setup updates lists that name packages which the archive has no more', limit, async (t) => {
  const { setup, calls } = machine(t, { ...root, 'apt-get': aptGet }, 'old-lists')
  const { status, stderr } = await setup()
  assert.equal(status, 0, stderr)
  assert.deepEqual(calls(), [look, install, 'update', install, ...rest])
})

test('setup goes through sudo where it is not root', limit, async (t) => {
  const { setup, calls } = machine(t, { ...user, 'apt-get': aptGet, sudo: 'SUDO=1 exec "$@"' })
  const { status, stderr } = await setup()
  assert.equal(status, 0, stderr)
  assert.deepEqual(calls(), [`sudo ${look}`, `sudo ${install}`, ...rest])
})

test(
  'setup without root and sudo, without apt, or without a network names what to install',
  limit,
  async (t) => {
    const named = /qemu-system-x86 npm\n$/
    const noSudo = machine(t, { ...user, 'apt-get': aptGet })
    const refused = await noSudo.setup()
    assert.equal(refused.status, 3)
    assert.match(refused.stderr, /not root, and no sudo\n {2}Run as root: apt-get install/)
    assert.match(refused.stderr, named)
    assert.deepEqual(noSudo.calls(), [])

    const noApt = await machine(t, root).setup()
    assert.equal(noApt.status, 3)
    assert.match(noApt.stderr, /there is no apt-get here\n/)
    assert.match(noApt.stderr, named)

    const offline = await machine(t, { ...root, 'apt-get': aptGet }, 'offline').setup()
    assert.equal(offline.status, 3)
    assert.match(
      offline.stderr,
      / {2}\| E: Failed to fetch x {2}404 {2}Not Found\nsetup: apt-get could not install them\n/,
    )
    assert.match(offline.stderr, named)
  },
)

test('setup --test asks for what the tests compare with, too', limit, async (t) => {
  const { status, stderr } = await machine(t, root).setup({}, '--test')
  assert.equal(status, 3)
  for (const name of ['git', 'gcc', 'erofs-utils', 'busybox-static'])
    assert.match(stderr, new RegExp(`^ {2}${name}\\b`, 'm'))
})
