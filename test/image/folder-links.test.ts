import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemCode, UfrError } from '../../src/base/errors.ts'
import { contentBytes } from '../../src/image/content.ts'
import { folderTree } from '../../src/image/folder/folder.ts'
import { comparePaths, type Tree } from '../../src/image/tree.ts'

const runs = 150

/** Writes a tree out, as a guest would see it. */
function materialise(tree: Tree, folder: string): void {
  fs.mkdirSync(folder)
  for (const [at, entry] of tree.sorted()) {
    const file = path.join(folder, at)
    if (entry.kind === 'directory') fs.mkdirSync(file)
    else if (entry.kind === 'link') fs.symlinkSync(entry.target, file)
    else fs.writeFileSync(file, contentBytes(entry.content))
  }
}

/** What somebody sees who opens a path: text of a file, names in a folder, or that nothing is there. */
function seen(file: string): string {
  try {
    return fs.statSync(file).isDirectory()
      ? fs.readdirSync(file).sort().join(' ')
      : fs.readFileSync(file, 'utf8')
  } catch (error) {
    return systemCode(error) ?? ''
  }
}

test('whatever links there are, the guest sees at each path what the host sees', (t) => {
  const home = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-links-')))
  t.after(() => fs.rmSync(home, { recursive: true, force: true }))
  const place = fc.constantFrom('f/a', 'f/b', 'f/d/a', 'f/d/b', 'f/d/e/a', 'o/a', 'o/d/a', 'o/d/b', 'p/a')
  const part = fc.constantFrom('..', '.', 'a', 'b', 'd', 'e', 'f', 'o', 'p')
  const target = fc
    .tuple(fc.boolean(), fc.array(part, { minLength: 1, maxLength: 4 }))
    .map(([absolute, parts]) => (absolute ? 'HOME/' : '') + parts.join('/'))
  let made = 0
  let n = 0
  fc.assert(
    fc.property(fc.dictionary(place, fc.option(target), { minKeys: 2, maxKeys: 7 }), (layout) => {
      const root = path.join(home, `${n++}`)
      for (const folder of ['f/d/e', 'o/d', 'p']) fs.mkdirSync(path.join(root, folder), { recursive: true })
      for (const [at, link] of Object.entries(layout)) {
        if (link === null) fs.writeFileSync(path.join(root, at), at)
        else fs.symlinkSync(link.replace('HOME', root), path.join(root, at))
      }
      let tree: Tree
      try {
        tree = folderTree(path.join(root, 'f'), [])
      } catch (error) {
        assert.ok(error instanceof UfrError && /^UFR-TREE/.test(error.code), String(error))
        return
      }
      made++
      const guest = path.join(root, 'guest')
      materialise(tree, guest)
      const paths = tree.sorted().map(([at]) => at)
      assert.deepEqual(paths, paths.toSorted(comparePaths))
      for (const at of paths) {
        const before = seen(path.join(root, 'f', at))
        // A link that leads nowhere may lead to something inside in the guest: its way is written anew.
        if (before !== 'ENOENT' && before !== 'ENOTDIR') {
          assert.equal(seen(path.join(guest, at)), before, `${at} ${JSON.stringify(layout)}`)
        }
        const entry = tree.get(at)!
        if (entry.kind === 'link') assert.ok(!entry.target.startsWith('/'), at)
      }
    }),
    { numRuns: runs },
  )
  assert.ok(made > runs / 10, `${made} trees were made`)
})
