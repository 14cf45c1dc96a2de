import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import type { Program } from '../../../src/language/program.ts'
import { machineLine, startScript } from '../../../src/unikernel/osv/command-line.ts'
import { startOf } from '../../../src/unikernel/osv/start.ts'
import { start } from './parser-model.ts'
import { program, settings } from './program.ts'

const bytes = (text: string) => Buffer.from(text).toString('latin1')
const text = (byteString: string) => Buffer.from(byteString, 'latin1').toString()

/** What the model makes of a program's start, with what a VMM writes behind the line. */
function started(what: Partial<Program>, added = '') {
  const given = program(what)
  const found = startOf(given)
  const roomy = settings({ commandLineBytes: 2 ** 30 })
  const line = machineLine(found, given.workingDirectory, 'pc', roomy) + added
  return start(bytes(line), { [`/${startScript}`]: bytes(found.script) })
}

/** The program's arguments and its environment, without the variables by which words come. */
function seen(what: Partial<Program>, added = '') {
  const { commands, environment } = started(what, added)
  const entries = [...environment].filter(([name]) => !name.startsWith('UFR_WORD_'))
  const own = Object.fromEntries(entries.map(([name, value]) => [text(name), text(value)]))
  return { words: commands[0]!.map(text), environment: own }
}

/** Any character but NUL, with a liking for those that mean something to a parser. */
const character = fc.oneof(
  fc.constantFrom(...' \t\n\r\v\f\\"\'$;&!-=?#%{}[]@,:./aé€😀\x01\x1b\x7f'),
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: 1 })
    .filter((one) => one !== '\0' && one.isWellFormed()),
)
const word = fc
  .oneof(
    fc.array(character, { maxLength: 12 }).map((all) => all.join('')),
    fc.constantFrom(
      '',
      '--',
      '-c',
      '--env=A=b',
      'runscript',
      '$A',
      'a$',
      'virtio_mmio.device=4K@0xd0000000:5',
    ),
    fc.constantFrom(' -- ', 'virtio_mmio.device=', '\\', '\\\\ ', 'A?=b', '"', '""', ';', '&!', 'pci=off'),
  )
  .filter((each) => each.isWellFormed())
const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/)
const added = fc.constantFrom(
  '',
  ' pci=off',
  ' reboot=k panic=1 pci=off root=/dev/vda ro virtio_mmio.device=4K@0xd0000000:5 virtio_mmio.device=4K@0xd0001000:6',
)

test('a program gets exactly its arguments and variables, whatever is in them and behind the line', () => {
  fc.assert(
    fc.property(
      fc.array(word, { maxLength: 5 }),
      fc.dictionary(name, word, { maxKeys: 5, noNullPrototype: true }),
      added,
      (args, environment, behind) => {
        const found = seen({ argv: ['main', ...args], environment }, behind)
        assert.deepEqual(found.words, ['/var/task/main', ...args])
        assert.deepEqual(found.environment, environment)
      },
    ),
    { numRuns: 1500 },
  )
})

test('names of variables and paths can be anything as well', () => {
  const odd = { 'ä b': 'x', 'with.dot-': 'y', 'a"b': 'z' }
  const executable = '/var/task/größe $1/pro"gram'
  const found = seen({ executable, argv: ['main', 'x'], environment: odd, workingDirectory: '/var/task/a b' })
  assert.deepEqual(found, { words: [executable, 'x'], environment: odd })
  const { options } = started({ workingDirectory: '/var/task/a b\\c' })
  assert.deepEqual(options.get('cwd'), ['/var/task/a b\\c'])
})

test("what a VMM writes behind the line is no argument of the program's", () => {
  const { commands } = started({ argv: ['main', 'one'] }, ' pci=off virtio_mmio.device=4K@0xd0000000:5')
  assert.deepEqual(commands, [['/var/task/main', 'one'], ['pci=off']])
})

test("Firecracker's separator of a program's arguments is in no line", () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (args) => {
      const given = program({ argv: ['main', '--', ...args], environment: { A: `ü${args.join(' ')}` } })
      const roomy = settings({ commandLineBytes: 2 ** 30 })
      assert.doesNotMatch(machineLine(startOf(given), '/var/task', 'microvm', roomy), / -- /)
    }),
    { numRuns: 300 },
  )
})

test('a dynamic program is started by its own dynamic linker, under the name that it is to have', () => {
  const interpreter = '/lib64/ld-linux-x86-64.so.2'
  const node = { executable: '/usr/bin/node', interpreter, argv: ['node', 'a.mjs'] }
  assert.deepEqual(seen(node).words, [interpreter, '--argv0', 'node', '/usr/bin/node', 'a.mjs'])
  const same = { executable: '/var/task/main', interpreter, argv: ['/var/task/main'] }
  assert.deepEqual(seen(same).words, [interpreter, '/var/task/main'])
})

test('the options are those of the machine', () => {
  const found = startOf(program())
  const options = (line: string) => start(line, { [`/${startScript}`]: found.script }).options
  const pc = options(machineLine(found, '/var/task', 'pc', settings()))
  assert.deepEqual(Object.fromEntries(pc), {
    verbose: [],
    'power-off-on-abort': [],
    rootfs: ['rofs'],
    'mount-fs': ['rofs,/dev/vblk1.0,/opt/ufr/start', 'rofs,/dev/vblk1.1,/var/task'],
    cwd: ['/var/task'],
    ip: ['eth0,10.0.2.15,255.255.255.0'],
    defaultgw: ['10.0.2.2'],
    nameserver: ['10.0.2.3'],
  })
  const bare = options(machineLine(found, '/var/task', 'microvm', { ...settings(), network: undefined }))
  assert.deepEqual([bare.has('nopci'), bare.has('ip'), bare.has('defaultgw')], [true, false, false])
})

test('a line that is too long for the VMM is refused with its length; what is in the script does not count', () => {
  const refused = (what: Partial<Program>, traits: Parameters<typeof settings>[0]) =>
    assert.throws(
      () => machineLine(startOf(program(what)), '/var/task', 'pc', settings(traits)),
      (error) => error instanceof UfrError && error.code === 'UFR-MACHINE' && /\d+ bytes/.test(error.message),
    )
  machineLine(startOf(program({ environment: { A: 'x'.repeat(100_000) } })), '/var/task', 'pc', settings())
  refused({ environment: { A: 'ä'.repeat(2000) } }, {})
  const short = { environment: { A: `ä${'x'.repeat(1600)}` } }
  machineLine(startOf(program(short)), '/var/task', 'pc', settings({ commandLineBytes: 2048 }))
  refused(short, { commandLineBytes: 2048, extendsCommandLine: true })
})

test('what no program can be given is refused by name', () => {
  const refused = (what: Partial<Program>, message: RegExp) =>
    assert.throws(
      () => startOf(program(what)),
      (error) => error instanceof UfrError && error.code === 'UFR-MACHINE' && message.test(error.message),
    )
  refused({ argv: ['main', 'a\0b'] }, /an argument has a NUL/)
  refused({ environment: { WORD: 'a\0b' } }, /the variable WORD has a NUL/)
  refused({ interpreter: '/lib/ld-musl-x86_64.so.1' }, /linked to musl's C library/)
})
