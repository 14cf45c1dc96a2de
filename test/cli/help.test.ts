import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { commands } from '../../src/cli/commands.ts'
import { exampleNames } from '../../src/function/init.ts'
import { allCommands, root, scratch, ufr } from './command.ts'

const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))

/** Help breaks lines where it likes. */
const flat = (text: string) => text.replace(/\s+/g, ' ')

test('every command explains itself: its words, options and examples', async () => {
  for (const { words, spec } of allCommands(commands)) {
    const { status, stdout, stderr } = await ufr([...words, '--help'])
    assert.deepEqual([status, stderr], [0, ''], words.join(' '))
    assert.match(stdout, new RegExp(`^Usage: ufr ${words.join(' ')} `))
    const text = flat(stdout)
    for (const { flags, description } of spec.options ?? []) {
      assert.ok(text.includes(flags), `${words}: ${flags}`)
      assert.ok(text.includes(flat(description)), `${words}: ${description}`)
    }
    for (const { description } of spec.arguments ?? []) assert.ok(text.includes(description), description)
    for (const { name } of spec.commands ?? []) assert.match(stdout, new RegExp(`^  ${name} `, 'm'))
    for (const example of spec.examples ?? []) assert.ok(stdout.includes(`\n  ${example}\n`), example)
  }
})

test('without anything, with --help and with help: the overview, on standard output', async () => {
  const [plain, flag, word] = await Promise.all([ufr([]), ufr(['--help']), ufr(['help'])])
  assert.deepEqual([plain?.status, flag?.status, word?.status], [0, 0, 0])
  assert.equal(plain?.stdout, flag?.stdout)
  assert.equal(word?.stdout, flag?.stdout)
  assert.equal(`${plain?.stderr}${flag?.stderr}${word?.stderr}`, '')
  for (const { name } of commands) assert.match(plain!.stdout, new RegExp(`^  ${name} `, 'm'))
  assert.match(plain!.stdout, /First steps:\n {2}ufr doctor/)
})

test('a command of commands without one of them shows what there is', async () => {
  const { status, stdout, stderr } = await ufr(['kernel'])
  assert.deepEqual([status, stderr], [0, ''])
  assert.match(stdout, /^Usage: ufr kernel[\s\S]*^ {2}pull /m)
})

test('help finds commands of commands, and says so where there is none', async () => {
  const { status, stdout } = await ufr(['help', 'kernel', 'pull'])
  assert.equal(status, 0)
  assert.match(stdout, /^Usage: ufr kernel pull/)
  const wrong = await ufr(['help', 'kernel', 'pul'])
  assert.deepEqual([wrong.status, wrong.stdout], [2, ''])
  assert.match(wrong.stderr, /UFR-USAGE: there is no command pul; did you mean "pull"\?/)
})

test('--version is that of the package, from any folder', async (t) => {
  for (const flag of ['--version', '-V']) {
    const { status, stdout, stderr } = await ufr([flag], { cwd: scratch(t) })
    assert.deepEqual([status, stdout, stderr], [0, `${version}\n`, ''])
  }
})

const mistakes: [string[], RegExp][] = [
  [['kernl'], /UFR-USAGE: unknown command 'kernl'; did you mean kernel\?\n {2}See: ufr --help/],
  [['kernel', 'lss'], /unknown command 'lss'; did you mean ls\?\n {2}See: ufr kernel --help/],
  [['run', '--evnt', '{}'], /unknown option '--evnt'; did you mean --event\?\n {2}See: ufr run --help/],
  [['--verbose'], /unknown option '--verbose'/],
  [['run', 'a', 'b'], /too many arguments for 'run'/],
  [['explain'], /missing required argument 'code'/],
  [['run', '--memory'], /option '--memory <MiB>' argument missing/],
  [
    ['run', '--unikernel', 'linx'],
    /'linx' is invalid. Allowed choices are auto, nanos, osv, unikraft, linux/,
  ],
  [['completion', 'tcsh'], /UFR-USAGE: no completion for tcsh\n {2}Shells are bash, zsh and fish/],
  [['completion', 'toString'], /UFR-USAGE: no completion for toString/],
  [['kernel', 'pull', 'nano'], /UFR-USAGE: there is no kernel called nano\n/],
  [['kernel', 'pull', 'linux@6.1'], /UFR-USAGE: a version of linux cannot be chosen/],
  [['kernel', 'rm', 'nanos'], /UFR-USAGE: nanos does not say which version/],
  [['kernel', 'rm', '../x@1'], /UFR-USAGE: .*cannot name a kernel/],
  [['runtime', 'rm', 'node'], /UFR-USAGE: node does not say which version/],
  [['runtime', 'rm', 'node@../..'], /UFR-USAGE: .*cannot name a runtime/],
  [
    ['runtime', 'pull', 'ruby3.4'],
    /UFR-USAGE: "ruby3.4" names no runtime that can be fetched\n {2}Runtimes are written as in node@24/,
  ],
  [['kernel', 'import', 'nanos', 'x', '--modules', 'y'], /UFR-USAGE: nanos has no kernel modules/],
]

test('what cannot be understood is told on standard error, with what was meant and exit status 2', async () => {
  for (const [args, message] of mistakes) {
    const { status, stdout, stderr } = await ufr(args)
    assert.deepEqual([status, stdout], [2, ''], args.join(' '))
    assert.match(stderr, message, args.join(' '))
    assert.doesNotMatch(stderr, /\n {4}at /)
  }
})

test('the examples that completion offers are those that there are', () => {
  const option = commands
    .find(({ name }) => name === 'init')
    ?.options?.find(({ flags }) => /example/.test(flags))
  assert.deepEqual(option?.complete, exampleNames())
})

test('explain knows each code, however it is written, and the nearest of an unknown one', async () => {
  const { status, stdout, stderr } = await ufr(['explain', 'ufr-kvm'])
  assert.deepEqual([status, stderr], [0, ''])
  assert.match(stdout, /^UFR-KVM: .*\n.*\nExit status 3: the host lacks something\.\n$/)
  const unknown = await ufr(['explain', 'UFR-KVMM'])
  assert.deepEqual([unknown.status, unknown.stdout], [2, ''])
  assert.match(unknown.stderr, /there is no error code UFR-KVMM; did you mean "UFR-KVM"\?/)
})
