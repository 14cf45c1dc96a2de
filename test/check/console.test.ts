import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { explainLines } from '../../src/check/after.ts'
import { lacksOf } from '../../src/check/console.ts'
import { textContent } from '../../src/image/content.ts'
import { Tree } from '../../src/image/tree.ts'
import type { Program } from '../../src/language/program.ts'

test('the words of kernels, dynamic linkers and languages say what was missing', () => {
  const known: [line: string, lack: object[]][] = [
    ['syscall(): unimplemented system call 294', [{ call: 'inotify_init1' }]],
    ['half a line syscall(): unimplemented system call 130', [{ call: 'rt_sigsuspend' }]],
    // Everybody does without rseq.
    ['syscall(): unimplemented system call 334', []],
    ['fork: Function not implemented', [{ call: 'execve' }]],
    ['inotify_init1: Function not implemented', [{ call: 'inotify_init1' }]],
    ['Error: spawnSync /bin/ls ENOSYS', [{ call: 'execve' }]],
    ['Error: spawn ls ENOTSUP', [{ call: 'execve' }]],
    ['OSError: [Errno 38] Function not implemented', [{ unnamed: true }]],
    ['Os { code: 38 } (os error 38)', [{ unnamed: true }]],
    ['./p: symbol lookup error: ./p: undefined symbol: answer', [{ user: './p', symbol: 'answer' }]],
    [
      "./p: /lib/libc.so.6: version `GLIBC_2.38' not found (required by ./p)",
      [{ user: './p', symbol: 'GLIBC_2.38' }],
    ],
    ['Error relocating /p: answer: symbol not found', [{ user: '/p', symbol: 'answer' }]],
    ['/p: failed looking up symbol answer', [{ user: '/p', symbol: 'answer' }]],
    ['all is well', []],
  ]
  for (const [line, lack] of known) assert.deepEqual(lacksOf([line]), lack, line)
  assert.equal(
    lacksOf(['x: symbol lookup error: x: undefined symbol: a', 'fork: Function not implemented']).length,
    2,
  )
})

test('any lines are read, soon', () => {
  const started = performance.now()
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 200 })), (lines) => void lacksOf(lines)),
    { numRuns: 300 },
  )
  lacksOf(['spawn '.repeat(100_000), ': '.repeat(100_000), 'x'.repeat(1_000_000)])
  assert.ok(performance.now() - started < 3000)
})

test('one sentence says what lacks it, what used it, and which kernels have it', () => {
  const text = `import 'node:child_process'\nfs.watch('.')\n`
  const program: Program = {
    base: { key: 'none', title: 'none', topLevel: [], tree: () => new Tree() },
    task: new Tree().file('index.mjs', textContent(text)),
    ...{ executable: '/usr/bin/node', argv: ['node'], environment: {} },
    ...{ workingDirectory: '/var/task', tellsReady: true },
  }
  const explain = (line: string) => explainLines([line], program, 'osv', '0.57.0')
  assert.deepEqual(explain('syscall(): unimplemented system call 294'), {
    sentences: [
      'osv lacks the system call inotify_init1 (294); index.mjs:2 (fs.watch) uses it; nanos and linux have it',
    ],
    fix: 'Take a kernel that has it: --unikernel nanos, or --unikernel linux. `ufr check` says more.',
  })
  assert.match(
    explain('Error: spawn ls ENOSYS')!.sentences[0]!,
    /osv lacks .*execve .*index\.mjs:1 .*; linux has it$/,
  )
  assert.match(
    explain('x (os error 38)')!.sentences[0]!,
    /osv may be what fails here: index\.mjs:1 uses child_process/,
  )
  assert.equal(explain('hello'), undefined)
})
