import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../../src/base/process.ts'
import { countNow } from './census.ts'
import { penned } from './pen.ts'
import { testHome } from './ufr.ts'

/** Each kind of thing that a run could leave: what makes one, and gives what takes it away. */
const leaks: Record<string, () => Promise<() => unknown>> = {
  async processes() {
    const child = spawn('sleep', ['1000'])
    await once(child, 'spawn')
    return async () => {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  },
  async namespaces() {
    const child = spawn('unshare', ['--net', 'sh', '-c', 'echo here; exec sleep 1000'])
    await once(child.stdout, 'data')
    return async () => {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  },
  async interfaces() {
    await runCommand('ip', ['link', 'add', 'leak', 'type', 'veth', 'peer', 'name', 'leak2'])
    return () => runCommand('ip', ['link', 'del', 'leak'])
  },
  async sockets() {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return () => server.close()
  },
  async mounts() {
    const folder = fs.mkdtempSync(path.join(testHome(), 'mount-'))
    await runCommand('mount', ['-t', 'tmpfs', 'leak', folder])
    return async () => {
      await runCommand('umount', [folder])
      fs.rmdirSync(folder)
    }
  },
  async files() {
    const file = path.join(testHome(), 'volumes', '.tmp-leak')
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, '')
    return () => fs.rmSync(file)
  },
  async open() {
    const file = fs.openSync(import.meta.filename, 'r')
    return () => fs.closeSync(file)
  },
}

for (const [kind, make] of Object.entries(leaks)) {
  const skip = penned || ['files', 'open'].includes(kind) ? false : 'no namespaces of our own'
  test(`what is left behind is counted: ${kind}`, { skip }, async () => {
    const nothingLeft = countNow(300)
    const remove = await make()
    const error = await nothingLeft().then(
      () => assert.fail('nothing was noticed'),
      (error: Error & { actual: object }) => error,
    )
    assert.ok(Object.keys(error.actual).includes(kind), String(error))
    await remove()
    await nothingLeft()
  })
}
