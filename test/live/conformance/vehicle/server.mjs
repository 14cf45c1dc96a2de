// The web function that the conformance suite runs where a kernel has Node.js; `vehicle.c` answers the same requests.
import { createHash } from 'node:crypto'
import dns from 'node:dns/promises'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'

/** What a program sees of its surroundings: lines of a word and bytes in hexadecimal. */
function inspect() {
  const line = ([word, value]) => `${word} ${Buffer.from(String(value)).toString('hex')}\n`
  return [
    ...process.argv.slice(2).map((value) => ['arg', value]),
    ...Object.entries(process.env).map(([name, value]) => ['env', `${name}=${value}`]),
    ['cwd', process.cwd()],
    ['clock', Date.now()],
    ['offset', -new Date('2026-07-01T00:00:00Z').getTimezoneOffset()],
    ['cpus', os.availableParallelism()],
    ['memory', Math.floor(os.totalmem() / 2 ** 20)],
  ]
    .map(line)
    .join('')
}

function hashOfFile(path) {
  const hash = createHash('sha256')
  const file = fs.openSync(path)
  const bytes = Buffer.alloc(1 << 20)
  for (let n = fs.readSync(file, bytes); n > 0; n = fs.readSync(file, bytes))
    hash.update(bytes.subarray(0, n))
  return hash.digest('hex')
}

function tryConnect(where) {
  const [host, port] = where.split(':')
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: Number(port), timeout: 1500 })
    socket.on('connect', () => resolve('connected'))
    socket.on('timeout', () => resolve('nothing'))
    socket.on('error', () => resolve('refused'))
    socket.on('close', () => resolve('refused'))
    for (const event of ['connect', 'timeout']) socket.on(event, () => socket.destroy())
  })
}

function resolveName(name) {
  const late = new Promise((resolve) => setTimeout(() => resolve('nothing'), 3000))
  const found = dns.lookup(name, { family: 4 }).then(
    ({ address }) => address,
    () => 'nothing',
  )
  return Promise.race([found, late])
}

const answers = {
  '/inspect': inspect,
  '/file': () => hashOfFile('/var/task/large.bin'),
  '/connect': tryConnect,
  '/resolve': resolveName,
  '/exit': (status) => {
    console.log('leaving now')
    process.exit(Number(status))
  },
  '/wait': () => {
    console.log('waiting now')
    return new Promise(() => {})
  },
}

http
  .createServer(async (request, response) => {
    const [path, query = ''] = request.url.split('?')
    if (path === '/echo') {
      response.setHeader('content-length', request.headers['content-length'])
      request.pipe(response)
    } else response.end((await answers[path]?.(query)) ?? 'hello')
  })
  .listen(process.env.PORT)
