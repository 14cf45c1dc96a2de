import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { commands } from '../../src/cli/commands.ts'
import { completionPoints } from '../../src/cli/completion.ts'
import { allCommands, environment, runProgram, scratch, ufr } from './command.ts'

const shells = ['bash', 'zsh', 'fish'] as const
const unikernels = ['auto', 'linux', 'nanos', 'osv', 'unikraft']

/** What is typed, and the words that can come of its last one; in a folder with files of these names. */
const files = ['examples/', 'exact.txt', 'image.img', 'modules/', 'out.img', 'a name/']
const cases: [string, string[]][] = [
  ['ufr r', ['run', 'runtime']],
  ['ufr k', ['kernel']],
  ['ufr --ver', ['--version']],
  ['ufr kernel ', ['build', 'import', 'ls', 'pull', 'rm']],
  ['ufr vmm pull ', ['firecracker']],
  ['ufr vmm import f', ['firecracker']],
  ['ufr kernel build nanos --repo ex', ['examples']],
  ['ufr kernel build n', ['nanos']],
  ['ufr vmm build firecracker --k', ['--keep']],
  ['ufr kernel pull l', ['linux']],
  ['ufr runtime p', ['pull']],
  ['ufr run --v', ['--vmm']],
  ['ufr run --unikernel ', unikernels],
  ['ufr build --json --unikernel l', ['linux']],
  ['ufr run --accel t', ['tcg']],
  ['ufr run ex', ['exact.txt', 'examples']],
  ['ufr run --memory 64 ex', ['exact.txt', 'examples']],
  ['ufr run --memory ', []],
  ['ufr image ls ex', ['exact.txt', 'examples']],
  ['ufr image cat im', ['image.img']],
  ['ufr build -o o', ['out.img']],
  ['ufr kernel import n', ['nanos']],
  ['ufr kernel import linux vmlinuz --modules m', ['modules']],
  ['ufr init --example web-n', ['web-node']],
  ['ufr explain UFR-KV', ['UFR-KVM']],
  ['ufr completion z', ['zsh']],
  ['ufr help ker', ['kernel']],
]

/** A folder with the files, and the completion script of a shell in it. */
async function prepared(t: TestContext, shell: string): Promise<{ folder: string; script: string }> {
  const folder = scratch(t)
  const work = path.join(folder, 'work')
  fs.mkdirSync(work)
  for (const name of files) {
    if (name.endsWith('/')) fs.mkdirSync(path.join(work, name))
    else fs.writeFileSync(path.join(work, name), '')
  }
  const script = path.join(folder, '_ufr')
  const { status, output } = await ufr(['completion', shell])
  assert.equal(status, 0)
  fs.writeFileSync(script, output)
  return { folder, script }
}

/**
 * Types at a shell in a terminal of its own, which `script` of util-linux makes. The shell's start-up file binds ^A to
 * "insert all that the last word can become" and ^T to "show the line between marks".
 */
async function typed(t: TestContext, folder: string, shell: string[]): Promise<string[]> {
  // Before the shell reads them itself, the terminal must not take ^U and the like for its own.
  const line = `stty -icanon -isig -ixon -echo; echo READY; exec ${shell.join(' ')}`
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: path.join(folder, 'work'),
    env: environment({ env: { TERM: 'dumb', ZDOTDIR: folder, HOME: folder, LC_ALL: 'C.UTF-8' } }),
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  child.stdin.on('error', () => {})
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const first = !output.includes('READY')
    output += chunk
    if (first && output.includes('READY'))
      child.stdin.write(`${cases.map(([line]) => `${line}\x01\x14\x15`).join('')}exit\r`)
  })
  await once(child, 'close')
  return [...output.matchAll(/\[\[\[(.*?)\]\]\]/g)].map((match) => match[1]!)
}

/** What was added to each line, as the cases have it. */
function compare(lines: string[]): void {
  assert.equal(lines.length, cases.length, lines.join('\n'))
  for (const [i, [line, wanted]] of cases.entries()) {
    const kept = line.slice(0, line.lastIndexOf(' ') + 1)
    const shown = lines[i]!
    assert.ok(shown.startsWith(kept), `${line}: ${shown}`)
    const words = shown.slice(kept.length).split(' ').filter(Boolean)
    const completed = words.map((word) => word.replace(/\/$/, '')).sort()
    assert.deepEqual(completed, wanted, line)
  }
}

function lacks(...programs: string[]): string | false {
  const missing = programs.find((name) => !findCommand(name))
  return missing === undefined ? false : `no ${missing} on this machine`
}

for (const shell of shells) {
  test(`${shell} takes the completion script without a complaint`, { skip: lacks(shell) }, async (t) => {
    const { script } = await prepared(t, shell)
    const { status, stdout, stderr } = await runProgram([shell, '-n', script])
    assert.deepEqual([status, stdout, stderr], [0, '', ''])
  })
}

test('bash completes commands, options, values, files and folders', {
  skip: lacks('bash', 'script'),
}, async (t) => {
  const { folder, script } = await prepared(t, 'bash')
  const rc = path.join(folder, 'bashrc')
  fs.writeFileSync(
    rc,
    `source ${script}
PS1= PS2=
bind 'set bell-style none' 2>/dev/null
bind '"\\C-a": insert-completions' 2>/dev/null
bind -x '"\\C-t": printf "[[[%s]]]\\n" "$READLINE_LINE"' 2>/dev/null
`,
  )
  compare(await typed(t, folder, ['bash', '--noprofile', '--rcfile', rc, '-i']))
})

test('zsh completes commands, options, values, files and folders', {
  skip: lacks('zsh', 'script'),
}, async (t) => {
  const { folder, script } = await prepared(t, 'zsh')
  const bindings = `
    PS1=; unsetopt beep prompt_cr prompt_sp zle_bracketed_paste
    all-completions() { _main_complete; compstate[insert]=all; compstate[list]= }
    zle -C all-completions complete-word all-completions
    show-line() { print -r -- "[[[$BUFFER]]]" }
    zle -N show-line
    bindkey -e; bindkey '^A' all-completions '^T' show-line '^U' kill-whole-line`
  // Sourced, and found by compinit in one of the folders of fpath.
  const ways = [
    `autoload -Uz compinit; compinit -D -u; source ${script}`,
    `fpath=(${path.dirname(script)} $fpath); autoload -Uz compinit; compinit -D -u`,
  ]
  for (const way of ways) {
    fs.writeFileSync(path.join(folder, '.zshrc'), `${way}\n${bindings}\n`)
    compare(await typed(t, folder, ['zsh', '-d', '-i']))
  }
})

test('fish completes commands, options, values, files and folders', { skip: lacks('fish') }, async (t) => {
  const { folder, script } = await prepared(t, 'fish')
  const asked = cases.map(([line]) => `complete -C '${line}'; echo ---`).join('\n')
  const { stdout, stderr } = await runProgram(['fish', '--no-config', '-c', `source ${script}\n${asked}`], {
    cwd: path.join(folder, 'work'),
    env: { HOME: folder },
  })
  assert.equal(stderr, '')
  const lines = stdout.split('---\n').slice(0, -1)
  compare(
    lines.map((answer, i) => {
      const kept = cases[i]![0].replace(/[^ ]*$/, '')
      return kept + answer.replace(/\t.*$/gm, '').replaceAll('\n', ' ')
    }),
  )
})

test('every command and option can be completed', () => {
  const points = new Map(completionPoints().map((point) => [point.at, point]))
  for (const { words, spec } of allCommands(commands)) {
    const before = points.get(
      words
        .slice(0, -1)
        .map((word) => ` ${word}`)
        .join(''),
    )
    assert.ok(
      before?.words.some(({ word }) => word === spec.name),
      words.join(' '),
    )
    const own = points.get(words.map((word) => ` ${word}`).join(''))
    for (const { flags } of spec.options ?? []) {
      const flag = /--[\w-]+/.exec(flags)![0]
      assert.ok(
        own?.options.some(({ names }) => names.includes(flag)),
        `${words.join(' ')} ${flag}`,
      )
    }
  }
})
