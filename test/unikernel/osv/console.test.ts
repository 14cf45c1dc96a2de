import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guestConsole } from '../../../src/instance/console.ts'
import type { Kernel } from '../../../src/kernel/store.ts'
import { osv } from '../../../src/unikernel/osv/osv.ts'

const unikernel = osv({} as Kernel)
const exit = { code: 0, signal: null, errors: '' }
const said = (...lines: string[]) => ({ marks: [], tail: () => lines })

/** What a user sees of a console, and what is the kernel's. */
function sorted(...chunks: string[]) {
  let program = ''
  let kernel = ''
  const console = guestConsole({
    kernelLine: unikernel.kernelLine,
    carriageReturns: unikernel.carriageReturns,
    program: (bytes) => {
      program += bytes
    },
    kernel: (bytes) => {
      kernel += bytes
    },
  })
  for (const chunk of chunks) console.push(Buffer.from(chunk))
  console.end()
  return {
    program,
    kernel,
    tail: console.tail(),
    marks: console.marks.map(({ name, value }) => ({ name, value })),
  }
}

const boot = [
  'OSv v0.57.0-398-g0e34e4dc',
  '1 CPUs detected',
  'Setting in environment: TEXT=one',
  'two lines of a variable',
  'eth0: 10.0.2.15',
  'Booted up in 0.00 ms',
  'Cmdline: runscript /opt/ufr/start/command;',
  `runscript expand fn='/opt/ufr/start/command' line=0 '"/var/task/main" "a b"'`,
  'Setting in environment: A=b',
]
const end = [
  'program exited with status 3',
  'VFS: unmounting /dev',
  'ROFS: spent 3.12 ms reading from disk',
  'ROFS: hit ratio is 80.33%',
  'Powering off.',
]
const lines = (...all: string[]) => all.map((line) => `${line}\r\n`).join('')

/** The machine has nothing more to do; the status is in the lines before. */
const machineEnd = { name: 'exit', value: undefined }

test("all before the program is the kernel's, whatever it says; the network is up by then", () => {
  const { program, kernel, marks } = sorted(
    lines(...boot),
    lines('1 CPUs detected', 'hello', ''),
    lines(...end),
  )
  assert.equal(program, '1 CPUs detected\nhello\n\n')
  assert.equal(kernel, [...boot, ...end].map((line) => `${line}\n`).join(''))
  assert.deepEqual(marks, [{ name: 'net', value: undefined }, machineEnd])
})

test("a program's unfinished line is not lost when the kernel goes on with it", () => {
  const text = 'ünfinished'
  assert.equal(sorted(lines(...boot), text, lines(...end)).program, text)
  const middle = sorted(lines(...boot), text, lines('syscall(): unimplemented system call 125'), 'more\n')
  assert.equal(middle.program, `${text}more\n`)
})

test('lines of programs stay theirs', () => {
  const own = [
    'the program exited with status three',
    'program exited with status 3',
    'a child program exited with status 0',
    'Powering off.',
    'see [backtrace]',
    'VFS: a word',
    'Setting in place',
    'ROFS: mine',
    '0x12 <main+4>',
    'backtrace',
    'RIP: it',
  ]
  assert.equal(sorted(lines(...boot, ...own)).program, own.map((line) => `${line}\n`).join(''))
})

test('what a program says of another one is its own, unless the kernel goes on', () => {
  const line = 'program exited with status 3'
  assert.equal(sorted(lines(...boot, line, line, ...end.slice(1))).program, `${line}\n`)
  assert.deepEqual(sorted(lines(...boot, line)).tail.slice(-1), [line])
})

test('a long line takes no time', () => {
  const start = performance.now()
  for (const part of [
    'a',
    'program exited with status ',
    '() stubbed',
    ' ',
    'program ',
    '0x0 <',
    'Uncaught signal 1 ("',
  ])
    sorted(lines(...boot), part.repeat(60_000 / part.length), '\n')
  assert.ok(performance.now() - start < 2000)
})

test('the last lines leave out what the kernel says while it ends', () => {
  assert.deepEqual(sorted(lines(...boot, 'the last word', ...end)).tail.slice(-2), [
    'the last word',
    'program exited with status 3',
  ])
})

test('the end of the machine is told, also where it cannot power itself off', () => {
  const marks = (...all: string[]) => sorted(lines(...all)).marks.slice(1)
  assert.deepEqual(marks(...boot, ...end), [machineEnd])
  assert.deepEqual(marks(...boot, 'Powering off.', 'a line'), [])
  const failed = 'AcpiEnterSleepStatePrep failed: AE_NOT_FOUND'
  assert.deepEqual(marks(...boot, 'Uncaught signal 6 ("Aborted"). Powering off.', failed), [machineEnd])
  assert.deepEqual(marks(...boot, 'Aborted', '', '[backtrace]', failed), [machineEnd])
  assert.deepEqual(sorted(lines('OSv v0.57.0', 'Aborted', '[backtrace]', failed)).marks, [machineEnd])
})

test('exit statuses are as a shell has them', () => {
  const status = (...tail: string[]) => unikernel.exitStatus(exit, said(...tail))
  assert.equal(status('program exited with status 0'), 0)
  assert.equal(status('unfinishedprogram exited with status 7'), 7)
  assert.equal(status('program exited with status -1'), 255)
  assert.equal(status('program exited with status 5', 'and then', 'program exited with status 6'), 6)
  assert.equal(status('Uncaught signal 6 ("Aborted"). Powering off.'), 134)
  const backtrace = ['[backtrace]', '0x0000000040221a03 <???+1075976707>']
  assert.equal(status('its words', 'Aborted', ...backtrace), 139)
  assert.equal(status('its wordsAborted', ...backtrace), 139)
  assert.equal(status('general protection fault', ...backtrace), 139)
  assert.equal(
    status('Out of memory: could not reclaim any further. Current memory: 0 Kb', ...backtrace),
    undefined,
  )
  assert.equal(status('Assertion failed: px != 0 (a.cc: f: 1)', ...backtrace), undefined)
  assert.equal(status('Failed to load object: /main. Powering off.'), undefined)
  assert.equal(status(), undefined)
  assert.equal(unikernel.worthRetrying(said('anything')), false)
})
