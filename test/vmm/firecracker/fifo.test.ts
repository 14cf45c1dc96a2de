import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Fifo, makeFifos, openFifo } from '../../../src/vmm/firecracker/fifo.ts'

const nonBlocking = 0o4000

async function someFifo(t: TestContext): Promise<Fifo> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-fifo-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'pipe')
  await makeFifos([file])
  const fifo = openFifo(file)
  t.after(() => {
    fifo.release()
    fifo.reader.destroy()
  })
  return fifo
}

/** Has a process the pipe as its descriptor 4, where nobody changes the flags on the way. */
function inherit(t: TestContext, { writer }: Fifo, script: string): ChildProcess {
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'inherit', 'ignore', writer] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

function flagsOf({ pid }: ChildProcess): number {
  const [, flags] = /^flags:\s+(\d+)$/m.exec(fs.readFileSync(`/proc/${pid}/fdinfo/4`, 'utf8')) ?? []
  return Number.parseInt(flags!, 8)
}

test('writers wait from when they are told to, in other processes too', async (t) => {
  const fifo = await someFifo(t)
  // Zeroes more than the pipe holds, as soon as there is a line of input, to a reader that does not read yet.
  const child = inherit(t, fifo, 'read -r go; head -c 300000 /dev/zero >&4')
  assert.ok(flagsOf(child) & nonBlocking)
  fifo.makeWritersWait()
  fifo.release()
  assert.equal(flagsOf(child) & nonBlocking, 0)
  child.stdin?.end('go\n')
  await new Promise((resolve) => setTimeout(resolve, 300))
  let bytes = 0
  fifo.reader.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await once(fifo.reader, 'end')
  assert.equal(bytes, 300_000)
})

test('a pipe ends with its last writer, whether those had to wait or not', async (t) => {
  for (const wait of [true, false]) {
    const fifo = await someFifo(t)
    const child = inherit(t, fifo, 'printf words >&4')
    if (wait) fifo.makeWritersWait()
    else fifo.release()
    let text = ''
    fifo.reader.on('data', (chunk: Buffer) => {
      text += chunk
    })
    await Promise.all([once(fifo.reader, 'close'), once(child, 'exit')])
    assert.equal(text, 'words')
  }
})
