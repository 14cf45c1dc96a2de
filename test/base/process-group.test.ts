import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type GroupOptions, runGroup } from '../../src/base/process-group.ts'

const signal = new AbortController().signal

function folder(t: TestContext): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-group-'))
  t.after(() => fs.rmSync(made, { recursive: true, force: true }))
  return made
}

function options(more: Partial<GroupOptions> = {}): GroupOptions {
  return { cwd: os.tmpdir(), env: process.env, signal, ...more }
}

function shell(text: string, more: Partial<GroupOptions> = {}) {
  return runGroup('sh', ['-c', text], options(more))
}

/** Alive, and no zombie that nobody reaps. */
function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return
    await sleep(10)
  }
  assert.fail(`${what} did not come`)
}

test('status, outputs and their last lines; arguments come as they are', async () => {
  const heard: Buffer[] = []
  const script = 'printf "%s|" "$@"; echo; echo more >&2; exit 3'
  const args = ['-c', script, 'sh', 'a b', '$HOME', '"']
  const result = await runGroup('sh', args, options({ output: (chunk) => void heard.push(chunk) }))
  assert.equal(result.status, 3)
  assert.equal(result.stdout, 'a b|$HOME|"|\n')
  assert.deepEqual([...result.tail].sort(), ['a b|$HOME|"|', 'more'])
  assert.match(Buffer.concat(heard).toString(), /more/)
  assert.equal((await shell('kill -KILL $$')).status, 137)
  const missing = await runGroup('no-such-program', [], options())
  assert.equal(missing.status, 127)
  assert.match(missing.tail.join(), /no-such-program/)
})

test('of a long output the beginning and the last lines are kept', async () => {
  const { stdout, tail } = await shell('i=0; while [ $i -lt 300000 ]; do echo "line $i"; i=$((i+1)); done')
  assert.ok(stdout.length >= 1 << 20 && stdout.length < (1 << 20) + (1 << 17), String(stdout.length))
  assert.equal(tail.at(-1), 'line 299999')
})

test('a command has no input, and is the leader of a session without a terminal', async () => {
  const { stdout } = await shell(
    'cat; ps -o pid=,pgid=,sid=,tty= -p $$ 2>/dev/null || true; cat /proc/$$/stat',
  )
  const stat = stdout
    .trim()
    .split('\n')
    .at(-1)!
    .replace(/^.*\) /, '')
    .split(' ')
  const [, , group, session, terminal] = stat
  assert.equal(group, session)
  assert.equal(terminal, '0')
})

test('a command that waits for all its children does not wait for ours', { timeout: 20_000 }, async () => {
  // Children of the shell by the kernel's own list: there must be none before it starts some itself.
  const { stdout } = await shell('read -r children < /proc/$$/task/$$/children; echo "$children."')
  assert.equal(stdout, '.\n')
})

test('what a command leaves running ends with it', { timeout: 20_000 }, async (t) => {
  const file = path.join(folder(t), 'pid')
  const { status } = await shell(`sleep 1000 >/dev/null 2>&1 & echo $! > ${file}`)
  assert.equal(status, 0)
  const pid = Number(fs.readFileSync(file, 'utf8'))
  await until(() => !alive(pid), 'the end of the child')
})

test('an abort ends all, those that ignore SIGTERM too', { timeout: 20_000 }, async (t) => {
  const file = path.join(folder(t), 'pids')
  const controller = new AbortController()
  const text = `trap '' TERM; sleep 1000 & echo $! > ${file}.part; echo $$ >> ${file}.part; mv ${file}.part ${file}; while :; do sleep 1; done`
  const running = shell(text, { signal: controller.signal, grace: 200 })
  const rejected = assert.rejects(running, /enough/)
  await until(() => fs.existsSync(file), 'the start')
  controller.abort(new Error('enough'))
  await rejected
  const pids = fs.readFileSync(file, 'utf8').trim().split('\n').map(Number)
  for (const pid of pids) await until(() => !alive(pid), `the end of ${pid}`)
  await assert.rejects(shell('true', { signal: controller.signal }), /enough/)
})

test('SIGTERM comes first, and a command can tidy up', { timeout: 20_000 }, async (t) => {
  const made = folder(t)
  const [ready, tidied] = [path.join(made, 'ready'), path.join(made, 'tidied')]
  const controller = new AbortController()
  const running = shell(`trap 'touch ${tidied}; exit 1' TERM; touch ${ready}; while :; do sleep 0.05; done`, {
    signal: controller.signal,
  })
  const rejected = assert.rejects(running, /enough/)
  await until(() => fs.existsSync(ready), 'the start')
  controller.abort(new Error('enough'))
  await rejected
  assert.ok(fs.existsSync(tidied))
})

test('the whole group dies with this process, by SIGKILL too', { timeout: 30_000 }, async (t) => {
  const file = path.join(folder(t), 'pids')
  const program = JSON.stringify(path.resolve(import.meta.dirname, '../../src/base/process-group.ts'))
  const text = `sleep 1000 & echo $! > ${file}.part; echo $$ >> ${file}.part; mv ${file}.part ${file}; wait`
  const script = `import { runGroup } from ${program}
await runGroup('sh', ['-c', ${JSON.stringify(text)}], { cwd: '/', env: process.env, signal: new AbortController().signal })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  await until(() => fs.existsSync(file), 'the start')
  const pids = fs.readFileSync(file, 'utf8').trim().split('\n').map(Number)
  assert.ok(pids.length === 2 && pids.every(alive))
  child.kill('SIGKILL')
  await once(child, 'close')
  for (const pid of pids) await until(() => !alive(pid), `the end of ${pid}`)
})

test('one that leaves the group and holds the output does not hold us up', { timeout: 20_000 }, async (t) => {
  const file = path.join(folder(t), 'pid')
  const started = performance.now()
  const { status } = await shell(`setsid sh -c 'echo $$ > ${file}; exec sleep 1000' & sleep 0.3; echo done`)
  process.kill(Number(fs.readFileSync(file, 'utf8')), 'SIGKILL')
  assert.equal(status, 0)
  assert.ok(performance.now() - started < 10_000)
})
