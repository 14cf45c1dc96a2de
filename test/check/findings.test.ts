import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CodeSummary, FunctionFacts } from '../../src/check/code/summary.ts'
import { processFunctions } from '../../src/check/facts.ts'
import { type Evidence, findingsFor } from '../../src/check/findings.ts'
import { type Module, reach } from '../../src/check/reach.ts'
import { scriptUses } from '../../src/check/scripts.ts'
import { callNumber, hasProcesses, tableOf } from '../../src/check/tables.ts'
import { textContent } from '../../src/image/content.ts'
import { Tree } from '../../src/image/tree.ts'

function summary(more: Partial<CodeSummary>): CodeSummary {
  const nothing = { needed: [], imports: [], exports: {}, functions: [], initial: [], pointed: [] }
  return {
    ...nothing,
    needsVersions: {},
    definesVersions: [],
    wanted: [],
    data: [],
    bindsNow: false,
    ...more,
  }
}

function fn(more: Partial<FunctionFacts>): FunctionFacts {
  return { calls: [], to: [], imports: [], unresolved: 0, ...more }
}

const number = (name: string) => callNumber(name)!

/** A C library with a function for each name, that makes these system calls; the last is never asked for. */
function libc(functions: Record<string, string[]>): Module {
  const names = Object.keys(functions)
  return {
    path: '/lib/libc.so.6',
    summary: summary({
      soname: 'libc.so.6',
      exports: Object.fromEntries(names.map((name, index) => [name, index])),
      functions: names.map((name) => fn({ name, calls: functions[name]!.map(number) })),
    }),
  }
}

function program(imports: string[], more: Partial<CodeSummary> = {}): Module {
  const functions = [fn({ imports: imports.map((_, index) => index) })]
  return {
    path: '/var/task/prog',
    summary: summary({ imports, functions, initial: [0], needed: ['libc.so.6'], ...more }),
  }
}

function evidence(modules: Module[], scripts: Evidence['scripts'] = []): Evidence {
  const own = new Set([0])
  return {
    code: { modules, own, opaque: [] },
    reached: reach(modules, own, processFunctions),
    scripts,
    cpus: 1,
  }
}

const shared = libc({
  inotify_init1: ['inotify_init1'],
  fork: ['clone'],
  puts: ['write', 'sched_getparam', 'rseq'],
  sched_getparam: ['sched_getparam'],
  mount: ['mount'],
})

test('what a program asks for is told where the kernel lacks it, and nothing else', () => {
  const seen = evidence([program(['inotify_init1', 'puts']), shared])
  const lines = (name: Parameters<typeof tableOf>[0]) =>
    findingsFor(seen, tableOf(name, undefined)).map(
      ({ level, code, message }) => `${code} ${level}: ${message}`,
    )
  const message = 'UFR-CALL may fail: /var/task/prog may use inotify_init1, which the kernel does not have'
  assert.deepEqual(lines('osv'), [message])
  assert.deepEqual(lines('unikraft'), [message])
  assert.deepEqual(lines('nanos'), [])
  assert.deepEqual(lines('linux'), [])
})

test('a call that a C library makes on its own counts only for who asks for it by name', () => {
  const nanos = tableOf('nanos', undefined)
  assert.deepEqual(findingsFor(evidence([program(['puts']), shared]), nanos), [])
  const [found] = findingsFor(evidence([program(['sched_getparam']), shared]), nanos)
  assert.deepEqual(found?.calls, ['sched_getparam'])
})

test('processes are told although threads are made by the same call', () => {
  const seen = evidence([program(['fork']), shared])
  for (const name of ['nanos', 'osv', 'unikraft'] as const) {
    const [found] = findingsFor(seen, tableOf(name, undefined))
    assert.equal(found?.code, 'UFR-PROCESS', name)
    assert.match(found!.message, /prog calls fork, which starts other programs/)
    assert.equal(hasProcesses(tableOf(name, undefined)), false)
  }
  assert.deepEqual(findingsFor(seen, tableOf('linux', undefined)), [])
})

test('a library that takes the place of another one is what counts', () => {
  const shim: Module = {
    path: '/var/task/libshim.so',
    summary: summary({ exports: { inotify_init1: 0 }, functions: [fn({})] }),
  }
  const modules = [program(['inotify_init1']), shim, shared]
  assert.deepEqual(findingsFor(evidence(modules), tableOf('osv', undefined)), [])
})

test('versions and functions that nobody has are told for every kernel', () => {
  const newer = program(['puts'], { needsVersions: { 'libc.so.6': ['GLIBC_2.99'] } })
  const old: Module = { ...shared, summary: { ...shared.summary, definesVersions: ['GLIBC_2.2.5'] } }
  const [version] = findingsFor(evidence([newer, old]), tableOf('linux', undefined))
  assert.equal(version?.level, 'fails')
  assert.match(version!.message, /prog needs GLIBC_2\.99 of libc\.so\.6, which is older/)
  const lost = program(['puts'], { wanted: ['puts', 'no_such_thing'], bindsNow: true })
  const [symbol] = findingsFor(evidence([lost, shared]), tableOf('linux', undefined))
  assert.deepEqual([symbol?.level, symbol?.code], ['fails', 'UFR-SYMBOL'])
  assert.match(symbol!.message, /no_such_thing/)
})

test('what OSv would have to link itself needs its symbols', () => {
  const musl: Module = {
    path: '/lib/ld-musl-x86_64.so.1',
    summary: summary({ exports: { puts: 0, odd: 0 }, functions: [fn({})] }),
  }
  const seen = evidence([program(['puts'], { wanted: ['puts', 'odd'], needed: [] }), musl])
  const [found] = findingsFor(seen, tableOf('osv', undefined))
  assert.match(found!.message, /takes odd from musl/)
  assert.deepEqual(findingsFor(seen, tableOf('nanos', undefined)), [])
})

test('sources are told by file and line; packages are only worth knowing of', () => {
  const task = new Tree()
    .file(
      'index.mjs',
      textContent(
        `// import 'cluster'\n/* require('child_process')\n*/\nimport { exec } from "node:child_process"\nfs.watch('x')\n`,
      ),
    )
    .file('node_modules/tool/lib/a.js', textContent(`require('child_process')`))
    .file('node_modules/tool/lib/b.js', textContent(`require('child_process')`))
    .file('notes.txt', textContent(`require('child_process')`))
  const uses = scriptUses(task, 'node')
  const own = uses.filter((use) => use.package === undefined)
  assert.deepEqual(
    own.map(({ file, line, what }) => `${file}:${line} ${what}`),
    ['index.mjs:4 child_process', 'index.mjs:5 fs.watch'],
  )
  const found = findingsFor(evidence([], uses), tableOf('osv', undefined))
  assert.deepEqual(
    found.map(({ level, code, where }) => `${level} ${code} ${where}`),
    [
      'may fail UFR-PROCESS index.mjs:4',
      'may fail UFR-CALL index.mjs:5',
      'note UFR-PROCESS node_modules/tool/lib/a.js:1',
    ],
  )
})

test('Python is read as well, and what is no source is not', () => {
  const task = new Tree().file('app.py', textContent('# import subprocess\nimport os\nos.system("ls")\n'))
  assert.deepEqual(scriptUses(task, 'python3.13'), [
    { need: 'processes', file: 'app.py', line: 3, what: 'os.system' },
  ])
  assert.deepEqual(scriptUses(task, 'java'), [])
})

test('a text full of beginnings takes no longer than others', () => {
  const started = performance.now()
  const tree = (text: string) => new Tree().file('a.js', textContent(`${text} child_process`))
  for (const text of ['/*\n'.repeat(200_000), `require(`.repeat(200_000), `'/proc/`.repeat(200_000)])
    scriptUses(tree(text), 'node')
  assert.ok(performance.now() - started < 3000)
})
