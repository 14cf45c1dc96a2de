import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guestConsole } from '../../src/instance/console.ts'

function heard(carriageReturns: boolean, chunks: string[]) {
  const program: string[] = []
  const kernel: string[] = []
  const console = guestConsole({
    carriageReturns,
    kernelLine: (line) =>
      line.startsWith('[k]')
        ? line.includes('net up')
          ? { mark: { name: 'net', value: undefined } }
          : {}
        : undefined,
    program: (bytes) => program.push(bytes.toString('latin1')),
    kernel: (bytes) => kernel.push(bytes.toString('latin1')),
  })
  for (const chunk of chunks) console.push(Buffer.from(chunk, 'latin1'))
  console.end()
  return { program: program.join(''), kernel: kernel.join(''), console }
}

test("kernel's lines and program's output are told apart, marks are taken out", () => {
  const { program, kernel, console } = heard(false, [
    '[k] one\nhel',
    'lo\n[k]',
    ' net up\n',
    '\x1b_ufr;ready;80\x1b\\wor',
    'ld',
  ])
  assert.equal(program, 'hello\nworld')
  assert.equal(kernel, '[k] one\n[k] net up\n')
  assert.deepEqual(
    console.marks.map(({ name, value }) => [name, value]),
    [
      ['net', undefined],
      ['ready', '80'],
    ],
  )
})

test('exactly one carriage return before a line feed is taken away, and only where the terminal adds it', () => {
  assert.equal(heard(true, ['a\r', '\nb\r\r\nc\rd\r\n']).program, 'a\nb\r\nc\rd\n')
  assert.equal(heard(false, ['a\r\nb\n']).program, 'a\r\nb\n')
})

test('a line without end does not fill the memory, and no byte of it is lost', () => {
  const { program } = heard(false, [...Array<string>(40).fill('x'.repeat(10_000)), '\nrest'])
  assert.equal(program, `${'x'.repeat(400_000)}\nrest`)
})

test('the tail is the last lines of all, the kernel included', () => {
  const { console } = heard(
    true,
    Array.from({ length: 5000 }, (_, i) => `line ${i}\r\n`),
  )
  assert.deepEqual(console.tail(2), ['line 4998', 'line 4999'])
})

test('what comes after the mark of the end is no output of the program, also on a line that it left open', () => {
  const exit = '\x1b_ufr;exit;1\x1b\\'
  for (const chunks of [
    [`out${exit}[ 1] going down\n`],
    ['out', exit, '[ 1] going', ' down\n'],
    [`o`, `ut${exit.slice(0, 5)}`, `${exit.slice(5)}[ 1] going down\n`],
  ]) {
    const { program, kernel, console } = heard(false, chunks)
    assert.deepEqual([program, kernel], ['out', '[ 1] going down\n'])
    assert.deepEqual(console.tail(), ['out'])
  }
})

test("the entry mark is taken once, where one is awaited; what else looks like it is the program's", () => {
  const mark = '\x1b_\x1b\\'
  const texts: string[] = []
  for (const entryMark of [true, false]) {
    const program: string[] = []
    const console = guestConsole({
      carriageReturns: false,
      kernelLine: () => undefined,
      entryMark,
      program: (bytes) => program.push(bytes.toString('latin1')),
    })
    for (const piece of ['k\n', mark.slice(0, 3), `${mark.slice(3)}out${mark}\n`, mark])
      console.push(Buffer.from(piece, 'latin1'))
    console.end()
    texts.push(program.join(''))
    assert.equal(console.marks.filter(({ name }) => name === 'entry').length, entryMark ? 1 : 0)
  }
  assert.deepEqual(texts, [`k\nout${mark}\n${mark}`, `k\n${mark}out${mark}\n${mark}`])
})
