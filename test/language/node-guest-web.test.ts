import assert from 'node:assert/strict'
import { lookup } from 'node:dns/promises'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Files,
  fetchFrom,
  folderWith,
  type Guest,
  guestFolder,
  otherNodes,
  startGuest,
  startHandler,
  until,
} from './node-guest-process.ts'

const limit = { timeout: 30_000 }

function startWeb(
  t: Parameters<typeof startGuest>[0],
  files: Files,
  entry: string,
  node?: string,
): Guest & { folder: string } {
  const folder = folderWith(t, files)
  return {
    ...startGuest(t, folder, ['-r', guestFolder(t).web, entry], node === undefined ? {} : { node }),
    folder,
  }
}

const answering = '(request, response) => response.end("hello from " + process.argv.length)'
const servers: Record<string, Files> = {
  CommonJS: { 'app.js': `require('http').createServer(${answering}).listen(0)` },
  'ES module': {
    'app.mjs': `import { createServer } from 'node:http'\ncreateServer(${answering}).listen(0)`,
  },
  'a host by address': { 'app.js': `require('http').createServer(${answering}).listen(0, '0.0.0.0')` },
  'a host by name, options': {
    // Some hosts name ::1 first, and the test asks 127.0.0.1.
    'app.js': `require('dns').setDefaultResultOrder('ipv4first')
      require('http').createServer(${answering}).listen({ port: 0, host: 'localhost' })`,
  },
  'the way of Express': {
    'app.js': `const app = ${answering}
      app.listen = function () { const server = require('http').createServer(this); return server.listen.apply(server, arguments) }
      app.listen(0, () => console.log('listening'))`,
  },
  'after a while': {
    'app.mjs': `import http from 'node:http'\nsetTimeout(() => http.createServer(${answering}).listen(0), 50)`,
  },
  'in a worker thread': {
    'app.js': "new (require('worker_threads').Worker)(__dirname + '/worker.js')",
    'worker.js': `require('http').createServer(${answering}).listen(0)`,
  },
  'through cluster': {
    'app.js': `const cluster = require('cluster')
      if (cluster.isPrimary) cluster.fork()
      else require('http').createServer(${answering}).listen(0)`,
  },
}

// A machine without /etc/hosts has no name for itself.
const named = await lookup('localhost').then(
  () => true,
  () => false,
)

for (const [name, files] of Object.entries(servers)) {
  const skip = name.includes('by name') && !named && 'localhost has no address here'
  test(`web: ${name}`, { ...limit, skip }, async (t) => {
    const guest = startWeb(t, files, Object.keys(files)[0]!)
    const port = await guest.ready
    assert.equal((await fetchFrom(port, {})).text, 'hello from 2')
    assert.deepEqual(guest.marks(), [port])
  })
}

test('web: servers of every kind are seen, each port once, Unix sockets not', limit, async (t) => {
  const code = `const ports = []
    const tell = function () { const a = this.address(); ports.push(typeof a === 'string' ? a : a.port) }
    for (const make of [
      () => require('net').createServer(), () => require('http').createServer(), () => require('https').createServer(),
      () => require('http2').createServer(), () => require('http2').createSecureServer(), () => require('tls').createServer(),
    ]) make().listen(0, tell)
    require('net').createServer().listen('socket', tell)
    const again = require('net').createServer()
    again.listen(0, () => { const { port } = again.address(); again.close(() => again.listen(port, () => {
      setTimeout(() => console.error(JSON.stringify([...ports, port])), 50) })) })`
  const guest = startWeb(t, { 'app.js': code }, 'app.js')
  await guest.ready
  await until(() => guest.stderr().endsWith(']\n'))
  const ports = (JSON.parse(guest.stderr()) as (number | string)[]).filter((port) => port !== 'socket')
  assert.equal(ports.length, 7)
  assert.deepEqual(guest.marks().sort(), ports.sort())
})

test('web: a port that cannot be had is not told, and the next try is', limit, async (t) => {
  const taken = net.createServer().listen(0)
  t.after(() => taken.close())
  const { port } = taken.address() as net.AddressInfo
  const code = `const server = require('net').createServer()
    server.once('error', (error) => { console.error(error.code); server.listen(0) })
    server.listen(${port})`
  const guest = startWeb(t, { 'app.js': code }, 'app.js')
  assert.notEqual(await guest.ready, port)
  assert.equal(guest.marks().length, 1)
  await until(() => guest.stderr().includes('EADDRINUSE'))
})

test('web: what the program sees of itself is as without the preload', limit, async (t) => {
  const code = `const { Server } = require('net')
    const server = new Server()
    const same = server.listen(0, '127.0.0.1') === server
    console.log(JSON.stringify({ argv: process.argv.slice(1), execArgv: process.execArgv, main: require.main === module, same,
      listen: Object.getOwnPropertyDescriptor(Server.prototype, 'listen').enumerable, own: Object.keys(server).includes('listen') }))
    server.once('listening', () => { server.close(); console.log('closed') })`
  // On Nanos the way to our files leads through a link.
  const folder = folderWith(t, { 'app.js': code })
  fs.symlinkSync(path.dirname(guestFolder(t).web), path.join(folder, 'link'))
  const guest = startGuest(t, folder, ['-r', path.join(folder, 'link/web.cjs'), 'app.js'])
  assert.equal(await guest.ended, 0)
  const line = guest
    .stdout()
    .replace(/\x1b.*?\\/g, '')
    .split('\n')[0]!
  const argv = [path.join(folder, 'app.js')]
  assert.deepEqual(JSON.parse(line), { argv, execArgv: [], main: true, same: true, listen: true, own: false })
})

test('web: a child process inherits nothing of ours', limit, async (t) => {
  const files = {
    'app.js':
      "require('child_process').fork('./child.js', [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })",
    'child.js': "require('net').createServer().listen(0, function () { this.close(); process.disconnect() })",
  }
  const guest = startWeb(t, files, 'app.js')
  assert.equal(await guest.ended, 0)
  assert.deepEqual(guest.marks(), [])
})

test('web: a console that is full holds the mark up, but does not lose it', limit, async (t) => {
  const code = `const fs = require('fs'), { writeSync } = fs
    let full = 3
    fs.writeSync = (...args) => { if (full-- > 0) throw Object.assign(new Error('full'), { code: 'EAGAIN' }); return writeSync(...args) }
    require('net').createServer().listen(0)`
  const guest = startWeb(t, { 'app.js': code }, 'app.js')
  assert.ok((await guest.ready) > 0)
})

for (const { version, node } of otherNodes()) {
  test(`Node.js ${version}: a handler, a stream, an error and a web function`, limit, async (t) => {
    const files = {
      'index.mjs': `import http from 'node:http'
        export const handler = async ({ name }) => ({ hello: name })
        export const stream = awslambda.streamifyResponse(async (e, s) => { s.write('a'); await null; s.end('b') })
        export const broken = async () => { throw new RangeError('far') }
        export const idle = () => {}`,
    }
    const guest = await startHandler(t, files, 'index.handler', { node })
    assert.deepEqual((await guest.invoke({ name: 'Ada' })).json(), { hello: 'Ada' })
    const stream = await startHandler(t, files, 'index.stream', { node })
    assert.equal((await stream.invoke()).text, 'ab')
    const broken = await startHandler(t, files, 'index.broken', { node })
    assert.match((await broken.invoke()).text, /RangeError/)
    const idle = await startHandler(t, files, 'index.idle', { node })
    assert.equal((await idle.invoke()).json(), null)
    const missing = await startHandler(t, {}, 'index.idle', { node })
    assert.match((await missing.invoke()).text, /Runtime\.ImportModuleError/)
    const web = startWeb(t, servers['ES module']!, 'app.mjs', node)
    assert.equal((await fetchFrom(await web.ready, {})).text, 'hello from 2')
    await sleep(50)
    assert.equal(web.marks().length, 1)
  })
}
