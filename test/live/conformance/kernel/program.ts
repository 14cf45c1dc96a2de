import assert from 'node:assert/strict'
import { document, errorDocument } from '../../../cli/schemas.ts'
import { folderOf, slowness } from '../../ufr.ts'
import { nativeFunction, readInspection } from '../vehicle.ts'
import { type Group, lackOfProgram, type RunOptions, run, toldStatus } from './group.ts'

export const oddArguments = ['two words', 'ünï → 火', '', `'"$\\`, '--dash=1', '*']
export const oddVariables = { WORD: `it's "ü"`, EMPTY: '', LINES: 'one\ntwo' }

const small = { shape: 'program', memory: 128 }
const printedBytes = 65_536

/** Those of `oddVariables` that a program found, as it found them. */
export function given(found: Map<string, string[]>): Record<string, string | undefined> {
  const all = Object.fromEntries((found.get('env') ?? []).map((pair) => pair.split(/=(.*)/s)))
  return Object.fromEntries(Object.keys(oddVariables).map((name) => [name, all[name]]))
}

/** What the vehicle prints for `bytes`. */
function patternBytes(): Buffer {
  return Buffer.from(Array.from({ length: printedBytes }, (_, i) => i * (1 + (i >> 8)) + (i >> 8)))
}

export const programs: Group = {
  title: 'native programs',
  cases: [
    ...(['program', 'program-arguments', 'bytes', 'exit-0', 'exit-1', 'exit-42', 'exit-255'] as const),
    ...(['errors-apart', 'crash', 'last-words', 'memory', 'endless'] as const),
  ],
  lack: lackOfProgram,
  async run(t, subject, check) {
    const ran = (args: string[], more: RunOptions = {}) =>
      run(t, subject, nativeFunction(t, { ...small, args, environment: oddVariables }), more)

    const inspected = await ran(['inspect', ...oddArguments])
    await check('program', () => {
      const found = readInspection(inspected.stdout)
      assert.deepEqual(found.get('cwd'), ['/var/task'], inspected.stderr)
      assert.deepEqual(given(found), oddVariables)
    })
    await check('program-arguments', () =>
      assert.deepEqual(readInspection(inspected.stdout).get('arg'), oddArguments),
    )
    await check('exit-0', () => assert.deepEqual([inspected.status, toldStatus(inspected)], [0, 0]))

    const bytes = await ran(['bytes', String(printedBytes)])
    await check('bytes', () => assert.ok(bytes.bytes.equals(patternBytes()), 'other bytes came'))
    await check('exit-1', () => assert.deepEqual([bytes.status, toldStatus(bytes)], [1, 1]))

    const spoken = await ran(['exit', '42'])
    await check('errors-apart', () => {
      assert.equal(spoken.stdout, 'the first words\nthe last words\n')
      assert.match(spoken.stderr, /^words on standard error$/m)
    })
    await check('exit-42', () => assert.deepEqual([spoken.status, toldStatus(spoken)], [1, 42]))
    await check('exit-255', async () => {
      const ended = await ran(['exit', '255'])
      assert.deepEqual([ended.status, toldStatus(ended)], [1, 255])
    })

    const crashed = await ran(['crash'])
    await check('crash', () => assert.deepEqual([crashed.status, toldStatus(crashed)], [1, 128 + 11]))
    await check('last-words', () => assert.match(crashed.stdout, /^the last words$/m))
    await check('memory', async () => {
      const env = { UFR_BOOT_TIMEOUT: String(10 * slowness) }
      const { status, stdout, stderr } = await ran(['memory'], { args: ['--timeout', '20'], env })
      assert.match(stdout, /^the last words$/m)
      // Killed, or refused memory and ended by itself: but not well, and not by the time limit.
      assert.notEqual(status, 0)
      assert.doesNotMatch(stderr, /UFR-FUNCTION-TIMEOUT/)
    })
    await check('endless', async () => {
      const env = { UFR_BOOT_TIMEOUT: String(4 * slowness) }
      const { status, stdout } = await ran(['wait'], { args: ['--json', '--timeout', '1'], env })
      const { code, detail } = errorDocument(stdout)
      assert.deepEqual([status, code], [1, 'UFR-FUNCTION-TIMEOUT'])
      assert.match(detail.join('\n'), /^the last words$/m)
    })
  },
}

const throwing = `console.log('the first words')
setTimeout(() => { throw new Error('nobody catches this') }, 1)`

export const exceptions: Group = {
  title: 'a program on Node.js',
  cases: ['exception'],
  async run(t, subject, check) {
    await check('exception', async () => {
      const config = { name: 'thrower', runtime: 'nodejs24.x', shape: 'program', command: 'throw.mjs' }
      const folder = folderOf(t, { 'ufr.json': JSON.stringify(config), 'throw.mjs': throwing })
      const { status, stdout } = await run(t, subject, folder, { args: ['--json'] })
      const { response, console } = document('run', stdout)
      assert.deepEqual([status, response.status], [1, 1])
      assert.match(response.output, /^the first words\n/)
      assert.match(console, /Error: nobody catches this\n\s+at .*throw\.mjs:2/)
    })
  },
}
