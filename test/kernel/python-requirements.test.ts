import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import type { Runner } from '../../src/base/process.ts'
import { compileModules } from '../../src/kernel/python/modules.ts'
import { installRequirements } from '../../src/kernel/python/requirements.ts'
import { readRequirements } from '../../src/kernel/python/requirements-file.ts'
import { consoleScripts } from '../../src/kernel/python/scripts.ts'
import type { Runtime } from '../../src/kernel/runtimes.ts'
import { failed, result } from './fake-apt.ts'
import { filesBelow, recordingProgress, useHome } from './home.ts'

const home = useHome()
let folder = ''
let runtime: Runtime

beforeEach(() => {
  folder = home.beside('function')
  const root = home.beside('runtime/root')
  for (const each of [folder, path.join(root, 'lib/x86_64-linux-gnu'), path.join(root, 'lib64')])
    fs.mkdirSync(each, { recursive: true })
  fs.writeFileSync(home.beside('runtime/pip.whl'), 'pip')
  runtime = {
    language: 'python',
    version: '3.13.5',
    program: 'usr/bin/python3.13',
    key: 'k',
    folder: home.beside('runtime'),
    root,
    packages: [],
    at: '',
  }
})

function write(name: string, text: string): string {
  fs.writeFileSync(path.join(folder, name), text)
  return path.join(folder, name)
}

function wrong(text: string): UfrError {
  try {
    readRequirements(write('requirements.txt', text))
  } catch (error) {
    if (error instanceof UfrError) return error
    throw error
  }
  throw new Error(`taken: ${text}`)
}

test('names, and all that decides what is installed, are read from requirements and what they take in', () => {
  write('more.txt', 'six\n-c limits.txt\n-r requirements.txt\n')
  write('limits.txt', 'six<2\n')
  write('own-1.0-py3-none-any.whl', 'wheel')
  const text = `# a comment
Flask[async]==3.0 ; python_version > "3.8"  # another
numpy>=1 \\
  --hash=sha256:abc
-r more.txt
--index-url=https://example.org/simple
./own-1.0-py3-none-any.whl
thing @ https://example.org/thing-1-py3-none-any.whl#sha256=1
`
  const { names, inputs } = readRequirements(write('requirements.txt', text))
  // Of a constraint, too: it decides what comes, though it asks for nothing.
  assert.deepEqual(names.slice(0, 3), ['Flask', 'numpy', 'six'])
  assert.ok(names.includes('thing'))
  assert.equal(inputs.length, 4)
  assert.ok(inputs.includes('six<2\n'))
  assert.deepEqual(readRequirements(write('requirements.txt', '# nothing\n\n')).names, [])
})

test('what would have to be built is named with its line', () => {
  for (const line of [
    '-e .',
    '--editable=../x',
    './package',
    '../x.tar.gz',
    'x.zip',
    'git+https://example.org/x',
    'x @ https://example.org/x.tar.gz',
  ]) {
    const error = wrong(`six\n${line}\n`)
    assert.equal(error.code, 'UFR-REQUIREMENTS')
    assert.match(error.message, /requirements\.txt:2: .* would have to be built/, line)
    assert.match(error.fix, /pip wheel/)
  }
  assert.match(wrong('-r none.txt').message, /requirements\.txt:1: there is no file .*none\.txt/)
  assert.match(wrong('./none-1-py3-none-any.whl').message, /there is no file/)
})

test('any text is read or refused', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom(
      '-r ',
      '-e',
      '--requirement=',
      'requirements.txt',
      '\\\n',
      '\n',
      '#',
      ' @ ',
      'file:',
      './',
      '%',
      ';',
      '==',
      '.whl',
      '[',
    ),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (parts) => {
      const file = write('requirements.txt', parts.join(''))
      try {
        readRequirements(file)
      } catch (error) {
        assert.ok(error instanceof UfrError, String(error))
      }
    }),
    { numRuns: 300 },
  )
})

/** A pip that installs one package with a program, or fails in a way that real ones do. */
function pip(said: { fails?: string[]; versions?: string } = {}): Runner & { calls: string[][] } {
  const calls: string[][] = []
  const run = async (_command: string, args: readonly string[]) => {
    calls.push([...args])
    if (args.includes('compileall')) return result()
    if (args.includes('index')) return result(`x (1)\nAvailable versions: ${said.versions ?? ''}\n`)
    if (said.fails) throw failed('python', 1, ...said.fails)
    const target = args[args.indexOf('--target') + 1]!
    const info = path.join(target, 'six-1.dist-info')
    fs.mkdirSync(info, { recursive: true })
    fs.mkdirSync(path.join(target, 'bin'))
    fs.writeFileSync(path.join(target, 'bin/six'), `#!${args[4]}\n`)
    fs.writeFileSync(path.join(target, 'six.py'), 'x = 1')
    fs.writeFileSync(path.join(info, 'entry_points.txt'), '[console_scripts]\nsix = six.main:cli.run\n')
    return result()
  }
  return Object.assign(run, { calls })
}

function install(text: string, run: Runner) {
  const file = write('requirements.txt', text)
  return installRequirements(runtime, file, '/opt/python', recordingProgress(), { run })
}

test('requirements are installed once for the same text and Python, as a layer', async () => {
  const run = pip()
  const installed = await install('six\n', run)
  assert.ok(installed)
  assert.deepEqual(filesBelow(installed.folder), [
    'bin/six',
    'lib/python3.13/site-packages/six-1.dist-info/entry_points.txt',
    'lib/python3.13/site-packages/six.py',
  ])
  const script = fs.readFileSync(path.join(installed.folder, 'bin/six'), 'utf8')
  assert.equal(script, '#!/usr/bin/python3.13\nimport sys\nfrom six.main import cli\nsys.exit(cli.run())\n')
  const [words] = run.calls
  assert.ok(words?.includes(`${home.beside('runtime/pip.whl')}/pip`))
  assert.equal(words?.[words.indexOf('--only-binary') + 1], ':all:')
  const before = run.calls.length
  assert.deepEqual(await install('six\n', run), installed)
  assert.equal(run.calls.length, before)
  assert.notEqual((await install('six==1\n', run))?.key, installed.key)
  assert.equal(await install('# nothing\n', run), undefined)
})

const failures: [string, { fails: string[]; versions?: string }, string, RegExp, RegExp][] = [
  [
    'a package that there is not',
    { fails: ['ERROR: Could not find a version', 'ERROR: No matching distribution found for sixx==1'] },
    'UFR-REQUIREMENTS',
    /requirements\.txt: the package index has no sixx$/,
    /Correct its name/,
  ],
  [
    'one that has sources only',
    { fails: ['ERROR: No matching distribution found for old==1.0'], versions: '2.0, 1.0' },
    'UFR-REQUIREMENTS',
    /old==1\.0 has no wheel for Python 3\.13 on x86-64 Linux/,
    /pip wheel --no-deps old/,
  ],
  [
    'no network',
    {
      fails: [
        "WARNING: Retrying (Retry(total=0)) after 'NewConnectionError'",
        'ERROR: No matching distribution found for six',
      ],
    },
    'UFR-REQUIREMENTS',
    /cannot be installed/,
    /network/,
  ],
  [
    'a wheel for another platform',
    { fails: ['ERROR: x-1-cp310-cp310-win_amd64.whl is not a supported wheel on this platform.'] },
    'UFR-WHEEL',
    /x-1-cp310-cp310-win_amd64\.whl is for another Python/,
    /cp313/,
  ],
  [
    'anything else',
    { fails: ['ERROR: Invalid requirement'] },
    'UFR-REQUIREMENTS',
    /cannot be installed/,
    /pip's/,
  ],
]

for (const [name, said, code, message, fix] of failures) {
  test(`what pip fails by is told with what to do: ${name}; nothing stays`, async () => {
    await assert.rejects(install('six\n', pip(said)), (error) => {
      assert.ok(error instanceof UfrError, String(error))
      assert.equal(error.code, code)
      assert.match(error.message, message)
      assert.match(error.fix, fix)
      return true
    })
    assert.deepEqual(filesBelow(homePath('python')), ['packages.lock'])
  })
}

test('of entry points, the programs for a console are taken, if their names are plain', () => {
  const text =
    '[gui_scripts]\na = b:c\n[console_scripts]\n x = p.q:main [extra]\n../y = p:q\nz=p:C.run\nw = p\n[other]\nv = p:q'
  assert.deepEqual(consoleScripts(text), [
    ['x', 'p.q', 'main'],
    ['z', 'p', 'C.run'],
  ])
})

test('modules are compiled once; what cannot be compiled has no bytecode', async () => {
  let runs = 0
  const run: Runner = async (_command, _args, options) => {
    runs++
    for (const line of String(options?.input).trim().split('\n')) {
      const [source, name, target] = JSON.parse(line) as [string, string, string]
      const text = fs.readFileSync(source, 'utf8')
      fs.writeFileSync(target, text === 'wrong' ? '' : `${name} ${text}`)
    }
    return result()
  }
  const modules = ['a', 'wrong', 'b'].map((text) => ({ name: `/${text}.py`, text: Buffer.from(text) }))
  const texts = async () => (await compileModules(runtime, modules, run)).map((each) => each?.toString())
  assert.deepEqual(await texts(), ['/a.py a', undefined, '/b.py b'])
  assert.deepEqual(await texts(), ['/a.py a', undefined, '/b.py b'])
  assert.equal(runs, 1)
})
