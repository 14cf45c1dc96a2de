import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { contentBytes } from '../../src/image/content.ts'
import type { FileRule } from '../../src/image/folder/file-rule.ts'
import { folderTree } from '../../src/image/folder/folder.ts'
import { plainTree } from '../../src/image/folder/plain.ts'
import { scanFolder, scanLimits } from '../../src/image/folder/scan.ts'
import type { Tree } from '../../src/image/tree.ts'

/** What a folder is made of: text for a file, `-> target` for a link, undefined for an empty folder. */
type Layout = Record<string, string | undefined>

function make(t: TestContext, layout: Layout): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-folder-')))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  for (const [name, what] of Object.entries(layout)) {
    const file = path.join(folder, name)
    fs.mkdirSync(what === undefined ? file : path.dirname(file), { recursive: true })
    if (what?.startsWith('-> ')) fs.symlinkSync(what.slice(3).replace('ROOT', folder), file)
    else if (what !== undefined) fs.writeFileSync(file, what)
  }
  return folder
}

function shown(tree: Tree): Record<string, string> {
  return Object.fromEntries(
    tree.sorted().map(([at, entry]) => {
      if (entry.kind === 'link') return [at, `-> ${entry.target}`]
      return [at, entry.kind === 'directory' ? '/' : contentBytes(entry.content).toString()]
    }),
  )
}

/** The tree of the folder `f` of a layout, or of all of it. */
function treeOf(t: TestContext, layout: Layout, rules: FileRule[] = [], folder = ''): Record<string, string> {
  return shown(folderTree(path.join(make(t, layout), folder), rules))
}

function fails(
  t: TestContext,
  layout: Layout,
  code: string,
  message: RegExp,
  folder = '',
  rules: FileRule[] = [],
): void {
  const made = make(t, layout)
  assert.throws(
    () => folderTree(path.join(made, folder), rules),
    (error) => {
      assert.ok(error instanceof UfrError)
      assert.equal(error.code, code)
      assert.match(error.message, message)
      assert.ok(error.fix.length > 0)
      return true
    },
  )
}

test('all files but the ignored ones, in order, with an empty folder', (t) => {
  const layout: Layout = {
    'index.mjs': 'x',
    'ufr.json': '{}',
    '.ufrignore': '*.md\n!keep.md\n/out/\n',
    '.env': 'e',
    'a.md': '',
    'lib/keep.md': 'k',
    'lib/ufr.json': 'inner',
    'out/x': '',
    'lib/out/x': 'y',
    '.git/HEAD': '',
    'node_modules/.cache/x': '',
    'node_modules/m/index.js': 'm',
    empty: undefined,
  }
  const tree = treeOf(t, layout)
  assert.deepEqual(tree, {
    '.env': 'e',
    empty: '/',
    'index.mjs': 'x',
    lib: '/',
    'lib/keep.md': 'k',
    'lib/out': '/',
    'lib/out/x': 'y',
    'lib/ufr.json': 'inner',
    node_modules: '/',
    'node_modules/m': '/',
    'node_modules/m/index.js': 'm',
  })
})

test('the mode tells only whether a file may be executed', (t) => {
  const folder = make(t, { a: '', b: '', c: '' })
  fs.chmodSync(path.join(folder, 'a'), 0o640)
  fs.chmodSync(path.join(folder, 'b'), 0o700)
  fs.chmodSync(path.join(folder, 'c'), 0o6755)
  const modes = folderTree(folder, [])
    .sorted()
    .map(([, entry]) => (entry.kind === 'file' ? entry.mode : -1))
  assert.deepEqual(modes, [0o644, 0o755, 0o755])
})

test('the folder itself may be a link, and may be given relatively', (t) => {
  const made = make(t, { 'f/a': 'x', g: '-> f' })
  assert.deepEqual(shown(folderTree(path.join(made, 'g'), [])), { a: 'x' })
  assert.deepEqual(shown(folderTree(path.relative('.', path.join(made, 'f')), [])), { a: 'x' })
})

test('rules take only what they match', (t) => {
  const layout: Layout = { 'a.js': 'a', 'b.txt': 'b', 'd/c.js': 'c', 'd/e/f.txt': 'f', '.ufrignore': 'e/\n' }
  assert.deepEqual(treeOf(t, layout, [{ from: '**/*.js' }]), { 'a.js': 'a', d: '/', 'd/c.js': 'c' })
  assert.deepEqual(treeOf(t, layout, [{ from: './d/' }]), { d: '/', 'd/c.js': 'c' })
  assert.deepEqual(treeOf(t, layout, [{ from: '*.{js,txt}' }]), { 'a.js': 'a', 'b.txt': 'b' })
  assert.deepEqual(treeOf(t, layout, [{ from: '.' }]), treeOf(t, layout))
})

test('rules move and rename, the later one counts', (t) => {
  const layout: Layout = {
    'dist/a.js': 'a',
    'dist/sub/b.js': 'b',
    'config/prod.json': 'prod',
    'config.json': 'dev',
    'pages/[id].js': 'page',
    'pages/i.js': 'i',
  }
  const to = (from: string, target: string) => treeOf(t, layout, [{ from, to: target }])
  assert.deepEqual(to('dist', '.'), { 'a.js': 'a', sub: '/', 'sub/b.js': 'b' })
  assert.deepEqual(to('dist', 'x/y'), {
    x: '/',
    'x/y': '/',
    'x/y/a.js': 'a',
    'x/y/sub': '/',
    'x/y/sub/b.js': 'b',
  })
  assert.deepEqual(to('dist/a.js', 'x/'), { x: '/', 'x/a.js': 'a' })
  assert.deepEqual(to('dist/a.js', '.'), { 'a.js': 'a' })
  assert.deepEqual(to('dist/a.js', 'x'), { x: 'a' })
  assert.deepEqual(to('dist/**/*.js', 'x'), { x: '/', 'x/a.js': 'a', 'x/sub': '/', 'x/sub/b.js': 'b' })
  assert.deepEqual(to('pages/[id].js', 'p.js'), { 'p.js': 'page' })
  const rules = [{ from: '*.json' }, { from: 'config/prod.json', to: 'config.json' }]
  assert.deepEqual(treeOf(t, layout, rules), { 'config.json': 'prod' })
  assert.deepEqual(treeOf(t, layout, rules.toReversed()), { 'config.json': 'dev' })
})

test('rules that cannot be right are errors', (t) => {
  const layout: Layout = { 'index.mjs': '', 'd/a': '', 'x.md': '', '.ufrignore': '*.md' }
  const wrong = (rule: FileRule, message: RegExp) =>
    fails(t, layout, 'UFR-TREE', message, '', [{ from: '.' }, rule])
  wrong({ from: 'dst/**' }, /^files\[1\] in ufr\.json: nothing matches "dst\/\*\*"$/)
  wrong({ from: 'x.md' }, /nothing matches/)
  wrong({ from: '../x' }, /leads out of the folder/)
  wrong({ from: '/etc/passwd' }, /leads out of the folder/)
  wrong({ from: 'd', to: 'a/../../b' }, /leads out of the folder/)
  wrong({ from: '{a,b}'.repeat(20) }, /too many patterns/)
  wrong({ from: 'index.mjs', to: 'd' }, /d is a directory with files in it/)
  const made = make(t, layout)
  assert.throws(() => folderTree(made, [{ from: 'indx.mjs' }]), { fix: /^Did you mean "index\.mjs"\?/ })
})

test('links that stay inside are kept, absolute ones made relative', (t) => {
  const layout: Layout = {
    'd/a': 'x',
    plain: '-> d/a',
    'd/up': '-> ../d/./a',
    chain: '-> plain',
    folder: '-> d/',
    self: '-> .',
    'd/root': '-> ..',
    absolute: '-> ROOT/d/a',
    'd/absolute': '-> ROOT/d',
    dangling: '-> nowhere/at/all',
    'd/.#lock': '-> me@host.1:2',
    through: '-> d/a/b',
    around: '-> ../ROOT-NAME/d/a',
  }
  const folder = make(t, layout)
  fs.rmSync(path.join(folder, 'around'))
  fs.symlinkSync(`../${path.basename(folder)}/d/a`, path.join(folder, 'around'))
  assert.deepEqual(shown(folderTree(folder, [])), {
    absolute: '-> d/a',
    around: '-> d/a',
    chain: '-> plain',
    d: '/',
    'd/.#lock': '-> me@host.1:2',
    'd/a': 'x',
    'd/absolute': '-> .',
    'd/root': '-> ..',
    'd/up': '-> ../d/./a',
    dangling: '-> nowhere/at/all',
    folder: '-> d/',
    plain: '-> d/a',
    self: '-> .',
    through: '-> d/a/b',
  })
})

test('links that lead out are replaced by what they lead to', (t) => {
  const layout: Layout = {
    'f/node_modules/lib': '-> ../../lib',
    'f/file': '-> ROOT/lib/index.js',
    'f/chain': '-> file',
    'f/there-and-back': '-> ../back',
    'f/x': 'x',
    back: '-> f/x',
    'lib/index.js': 'lib',
    'lib/inner': '-> index.js',
    'lib/absolute': '-> ROOT/lib/index.js',
    'lib/home': '-> ../f/x',
    'lib/other': '-> ../other',
    'lib/.git/HEAD': '',
    'other/y': 'y',
    'other/lib': '-> ../lib',
  }
  assert.deepEqual(treeOf(t, layout, [], 'f'), {
    chain: '-> file',
    file: 'lib',
    node_modules: '/',
    'node_modules/lib': '/',
    'node_modules/lib/absolute': '-> index.js',
    'node_modules/lib/home': '-> ../../x',
    'node_modules/lib/index.js': 'lib',
    'node_modules/lib/inner': '-> index.js',
    'node_modules/lib/other': '/',
    'node_modules/lib/other/lib': '-> ..',
    'node_modules/lib/other/y': 'y',
    'there-and-back': '-> x',
    x: 'x',
  })
})

test('two links to the same place outside are two copies', (t) => {
  const layout: Layout = { 'f/one': '-> ../lib', 'f/two': '-> ../lib', 'f/x': '-> one/a', 'lib/a': 'a' }
  const tree = treeOf(t, layout, [], 'f')
  assert.deepEqual(tree, { one: '/', 'one/a': 'a', two: '/', 'two/a': 'a', x: 'a' })
})

test('a link outside that is ignored, or ignored as a folder, is not followed', (t) => {
  const layout: Layout = { 'f/up': '-> ../..', 'f/.ufrignore': 'up/\n', 'f/a': '' }
  assert.deepEqual(treeOf(t, layout, [], 'f'), { a: '' })
})

test('links in a circle, and those that lead around the folder, are loops', (t) => {
  fails(t, { a: '-> b', b: '-> a' }, 'UFR-TREE-LOOP', /^a is a link that leads in a circle: a → b → a$/)
  fails(t, { 'd/a': '-> a' }, 'UFR-TREE-LOOP', /^d\/a is .*: a → a$/)
  fails(t, { x: '-> a', a: '-> b', b: '-> a' }, 'UFR-TREE-LOOP', /^a is/)
  fails(
    t,
    { 'f/up': '-> ..' },
    'UFR-TREE-LOOP',
    /^up leads to .*, which contains the function's own folder$/,
    'f',
  )
  fails(t, { 'f/d/top': '-> /' }, 'UFR-TREE-LOOP', /^d\/top leads to \/, /, 'f')
  const chain: Layout = { 'f/one': '-> ../out/lib', 'out/lib/two': '-> ..' }
  fails(
    t,
    chain,
    'UFR-TREE-LOOP',
    /^one leads to .*out\/lib, one\/two leads to .*out, which contains what one leads/,
    'f',
  )
})

test('folders outside that double at each step end at a limit', (t) => {
  const layout: Layout = { 'f/a': '-> ../0' }
  for (let i = 0; i < 45; i++) layout[`${i}/a`] = `-> ../${i + 1}`
  layout['45/x'] = ''
  fails(t, layout, 'UFR-TREE-LOOP', /^links lead on and on: a leads to/, 'f')
})

test('a dangling link that leads out is an error', (t) => {
  fails(
    t,
    { 'f/d/x': '-> ../../gone' },
    'UFR-TREE',
    /^d\/x is a link to \.\.\/\.\.\/gone, which is not there$/,
    'f',
  )
  fails(t, { x: '-> /nowhere/at/all' }, 'UFR-TREE', /^x is a link to \/nowhere\/at\/all/)
})

test('rules and links: a link follows its target to its new place, or says what is missing', (t) => {
  const layout: Layout = {
    'src/a': 'a',
    'src/link': '-> ../lib/b',
    'src/near': '-> a',
    'src/gone': '-> nothing',
    'src/secret': '-> ../private',
    'src/top': '-> ..',
    'lib/b': 'b',
    private: 'p',
    '.ufrignore': 'private',
  }
  const moved = treeOf(t, layout, [
    { from: 'src', to: '.' },
    { from: 'lib', to: 'x/y' },
  ])
  assert.deepEqual(moved, {
    a: 'a',
    gone: '-> nothing',
    link: '-> x/y/b',
    near: '-> a',
    secret: '-> ../private',
    top: '-> ..',
    x: '/',
    'x/y': '/',
    'x/y/b': 'b',
  })
  fails(t, layout, 'UFR-TREE', /^src\/link is a link to lib\/b, which no rule in `files` names$/, '', [
    { from: 'src' },
  ])
})

test('sockets, pipes and names that are not UTF-8 are errors that name them', (t) => {
  const folder = make(t, { 'd/a': '' })
  execFileSync('mkfifo', [path.join(folder, 'd/pipe')])
  assert.throws(() => folderTree(folder, []), { code: 'UFR-TREE', message: /^d\/pipe is a named pipe/ })
  fs.rmSync(path.join(folder, 'd/pipe'))
  fs.symlinkSync('/dev/null', path.join(folder, 'd/null'))
  assert.throws(() => folderTree(folder, []), { code: 'UFR-TREE', message: /^d\/null is a device/ })
  fs.writeFileSync(path.join(folder, '.ufrignore'), 'null\n')
  fs.writeFileSync(path.join(folder, 'really \ufffd'), '')
  assert.equal(folderTree(folder, []).size, 3)
  const bad = Buffer.concat([Buffer.from(`${folder}/d/x`), Buffer.from([0xff])])
  fs.writeFileSync(bad, '')
  assert.throws(() => folderTree(folder, []), {
    code: 'UFR-TREE',
    message: /^the name d\/x\\xff is not valid UTF-8$/,
  })
  fs.rmSync(bad)
  fs.symlinkSync(Buffer.from([0x61, 0xff]), path.join(folder, 'bad-target'))
  assert.throws(() => folderTree(folder, []), {
    message: /^the target of the link bad-target is not valid UTF-8$/,
  })
})

test('what cannot be read is named', (t) => {
  const folder = make(t, { 'd/a': '', 'e/f': '', 'g/h': '' })
  fs.chmodSync(folder, 0o755)
  fs.chmodSync(path.join(folder, 'd/a'), 0)
  fs.chmodSync(path.join(folder, 'e'), 0)
  // In a process of its own, since root reads everything.
  const message = (ignore: string) => {
    fs.writeFileSync(path.join(folder, '.ufrignore'), ignore)
    const code = `import { folderTree } from ${JSON.stringify(new URL('../../src/image/folder/folder.ts', import.meta.url).href)}
      if (process.getuid() === 0) process.setuid(65534)
      try { console.log(folderTree(process.argv[1], []).size) } catch (error) { console.log(error.code, error.message) }`
    return spawnSync(process.execPath, ['--input-type=module', '--eval', code, folder], { encoding: 'utf8' })
      .stdout
  }
  const messages = ['e\n', 'd\n', 'd\ne\n'].map(message)
  fs.chmodSync(path.join(folder, 'e'), 0o755)
  assert.deepEqual(messages, [
    'UFR-TREE d/a cannot be read: permission denied\n',
    'UFR-TREE e cannot be read: permission denied\n',
    '2\n',
  ])
})

test('limits end in errors that say how to leave files out', (t) => {
  const folder = make(t, { 'a/b/c': '12345', d: '12345' })
  const scan = (limits: Partial<typeof scanLimits>) => () =>
    scanFolder(folder, () => false, { ...scanLimits, ...limits })
  assert.equal(scan({ entries: 4, bytes: 10, depth: 2 })().size, 4)
  assert.throws(scan({ entries: 3 }), {
    code: 'UFR-TREE',
    message: /more than 3 files and folders/,
    fix: /ufrignore/,
  })
  assert.throws(scan({ bytes: 9 }), { code: 'UFR-TREE', message: /GiB/ })
  assert.throws(scan({ depth: 1 }), { code: 'UFR-TREE', message: /^a\/b is more than 1 folders deep$/ })
  assert.throws(() => folderTree(path.join(folder, 'gone'), []), { code: 'UFR-TREE' })
})

test('nothing is printed', (t) => {
  const folder = make(t, {})
  for (let i = 0; i < 10; i++) {
    fs.mkdirSync(path.join(folder, `d${i}`))
    for (let j = 0; j < 10; j++) fs.writeFileSync(path.join(folder, `d${i}`, `f${j}.js`), '')
  }
  const source = new URL('../../src/image/folder/folder.ts', import.meta.url).href
  const code = `import { folderTree } from ${JSON.stringify(source)}
    const rules = [{ from: 'd[0-9]*/**/*.js' }]
    console.log(folderTree(process.argv[1], []).size, folderTree(process.argv[1], rules).size)`
  const run = spawnSync(process.execPath, ['--input-type=module', '--eval', code, folder], {
    encoding: 'utf8',
  })
  assert.equal(run.stderr, '')
  assert.equal(run.stdout, '110 110\n')
})

test('a folder that ufr laid out is taken as it is: the same tree, and nothing is left out', (t) => {
  const layout = { 'a/b.txt': 'x', 'a/link': '-> b.txt', 'a/up': '-> ../c', 'c/run': '#!', d: undefined }
  const folder = make(t, layout)
  fs.chmodSync(path.join(folder, 'c/run'), 0o700)
  const modes = (tree: Tree) => tree.sorted().map(([at, entry]) => [at, entry.kind !== 'link' && entry.mode])
  assert.deepEqual(shown(plainTree(folder)), shown(folderTree(folder, [])))
  assert.deepEqual(modes(plainTree(folder)), modes(folderTree(folder, [])))
  const ignored = make(t, { '.git/x': 'x', '.ufrignore': '*', gone: '-> /nowhere' })
  const whole = { '.git': '/', '.git/x': 'x', '.ufrignore': '*', gone: '-> /nowhere' }
  assert.deepEqual(shown(plainTree(ignored)), whole)
})
