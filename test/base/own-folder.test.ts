import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { makeOwnFolder, removeOwnFolder, runtimeFolder } from '../../src/base/own-folder.ts'
import { setFor } from '../vmm/firecracker/lab.ts'

test('a folder is its owner’s alone, and those of the dead are swept', (t) => {
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-own-'))
  t.after(() => fs.rmSync(parent, { recursive: true, force: true }))
  const mine = makeOwnFolder(parent)
  assert.equal(fs.statSync(mine).mode & 0o777, 0o700)
  const [namespace, pid, start, random] = path.basename(mine).split('-')
  assert.equal(Number(pid), process.pid)
  const leave = (name: string, days = 0) => {
    fs.mkdirSync(path.join(parent, name, 'deep'), { recursive: true })
    const then = Date.now() / 1000 - days * 86_400
    fs.utimesSync(path.join(parent, name), then, then)
    return name
  }
  const kept = [
    path.basename(mine),
    leave(
      `${namespace}-1-${fs.readFileSync('/proc/1/stat', 'latin1').split(') ')[1]!.split(' ')[19]}-${random}`,
    ),
    // Of another PID namespace, about whose processes nothing is known here.
    leave(`7-${pid}-1-${random}`),
    leave('jail'),
    leave(`${namespace}-${pid}-${start}`),
  ]
  leave(`${namespace}-${pid}-${Number(start) - 1}-${random}`)
  leave(`${namespace}-4194305-${start}-${random}`)
  leave(`7-${pid}-2-${random}`, 2)
  const second = makeOwnFolder(parent)
  assert.deepEqual(fs.readdirSync(parent).sort(), [...kept, path.basename(second)].sort())
  removeOwnFolder(mine)
  removeOwnFolder(mine)
  assert.equal(fs.existsSync(mine), false)
})

test('what lives for a moment only is kept where its owner alone has a say', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-own-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  setFor(t, { UFR_HOME: path.join(folder, 'home'), XDG_RUNTIME_DIR: folder })
  if (process.getuid?.() === 0) assert.equal(runtimeFolder(), '/run/ufr')
  else {
    assert.equal(runtimeFolder(), path.join(folder, 'ufr'))
    process.env['XDG_RUNTIME_DIR'] = '/'
    assert.equal(runtimeFolder(), path.join(folder, 'home', 'run'))
  }
})
