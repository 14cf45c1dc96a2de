import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import os from 'node:os'
import type { TestContext } from 'node:test'
import { guestNetwork } from '../../../../src/vmm/machine.ts'
import { outside } from '../../outside.ts'
import { slowness, until } from '../../ufr.ts'
import type { KernelSubject } from '../subjects.ts'
import { addLargeFile, noise, readInspection, webFunction } from '../vehicle.ts'
import { formOf, type Group, type Running, start } from './group.ts'
import { given, oddArguments, oddVariables } from './program.ts'

const largeBytes = 100_000_000
/** Where that would take minutes, or only says again what another link has said. */
const fewerBytes = 10_000_000
const connections = 50
/** Unikraft has all of its files in memory, twice, and falls silent where none is left for network packets. */
const memoryOf = ({ kernel }: KernelSubject) => (kernel === 'unikraft' ? 2400 : 400)
const cpus = 2
/** The same hours: a native program has no files in its guest to look a name up in, and takes the rule. */
const timeZones = { node: 'Europe/Vienna', native: 'CET-1CEST,M3.5.0,M10.5.0/3' } as const
/** How far a guest's clock may be off: those of PCs tell whole seconds. */
const clockSlackMs = 2500

export const served: Group = {
  title: 'a web function that is served',
  cases: [
    ...(['web', 'arguments', 'environment', 'folder', 'time-zone', 'clock', 'resources'] as const),
    ...(['connections', 'large-body', 'large-file', 'isolation', 'interrupt'] as const),
  ],
  everyLink: true,
  async run(t, subject, check) {
    const memoryMiB = memoryOf(subject)
    const config = { args: oddArguments, memory: memoryMiB, cpus, timeout: 60 }
    const environment = { ...oddVariables, TZ: timeZones[formOf(subject)] }
    const folder = webFunction(t, formOf(subject), { ...config, environment })
    const large = process.env['UFR_FULL'] || (subject.first && slowness === 1)
    const hash = addLargeFile(folder, large ? largeBytes : fewerBytes)
    const server = await serve(t, subject, folder)
    const get = async (path: string) => (await exchange(`${server.url}${path}`)).toString()

    await check('web', async () => assert.equal(await get('anything'), 'hello'))
    const firstLook = await look(get)
    const { found } = firstLook
    await check('arguments', () => assert.deepEqual(found.get('arg'), oddArguments))
    await check('environment', () => {
      assert.deepEqual(given(found), oddVariables)
      assert.ok(!found.get('env')?.some((pair) => /^UFR_(HOME|TEST_)/.test(pair)), 'variables of the host')
    })
    await check('folder', () => assert.deepEqual(found.get('cwd'), ['/var/task']))
    await check('time-zone', () => assert.deepEqual(found.get('offset'), ['120']))
    await check('resources', () => {
      const memory = Number(found.get('memory'))
      assert.deepEqual(found.get('cpus'), [String(cpus)])
      assert.ok(memory > 0.6 * memoryMiB && memory <= memoryMiB, `${memory} MiB`)
    })
    await check('connections', async () => {
      // Half of each body, until all have been answered to: so all are open at the same time.
      const answering = Promise.withResolvers<void>()
      let begun = 0
      const bodies = Array.from({ length: connections }, (_, i) => Buffer.alloc(10_000, `${i} `))
      const begin = () => {
        if (++begun === connections) answering.resolve()
      }
      const pause = { begin, until: answering.promise }
      const answers = await Promise.all(bodies.map((body) => exchange(`${server.url}echo`, body, pause)))
      answers.forEach((answer, i) => {
        assert.ok(answer.equals(bodies[i]!), `answer ${i} is another`)
      })
    })
    await check('large-body', async () => {
      const body = noise(large ? largeBytes : fewerBytes)
      assert.ok((await exchange(`${server.url}echo`, body)).equals(body), 'other bytes came back')
    })
    await check('large-file', async () => assert.equal(await get('file'), hash))
    await check('clock', async () => {
      const lastLook = await look(get)
      for (const { early, late } of [firstLook, lastLook]) {
        assert.ok(early < clockSlackMs && late < clockSlackMs, `${early} ms early, ${late} ms late`)
      }
      // Whole seconds are a matter of the start; from then on it is to go as ours does.
      assert.ok(Math.abs(lastLook.early - firstLook.early) < 1000 * slowness, 'it goes too slow')
      assert.ok(Math.abs(lastLook.late - firstLook.late) < 1000 * slowness, 'it goes too fast')
    })
    await check('isolation', async () => {
      await hostIsOutOfReach(get, [outside.web, `${guestNetwork.nameserver}:53`])
      assert.equal(await get(`resolve?${outside.name}`), 'nothing')
    })
    await check('interrupt', async () => {
      server.child.kill('SIGINT')
      const { status, stderr } = await server.ended
      assert.equal(status, 130, stderr)
      await assert.rejects(exchange(server.url))
    })
  },
}

/** What the function sees of its guest, and how far its clock was at most before ours and behind it. */
async function look(get: (path: string) => Promise<string>) {
  const before = Date.now()
  const found = readInspection(await get('inspect'))
  const after = Date.now()
  const clock = Number(found.get('clock'))
  return { found, early: before - clock, late: clock - after }
}

export interface Server extends Running {
  url: string
}

/** Serves a web function until the test is over. */
export async function serve(t: TestContext, subject: KernelSubject, folder: string): Promise<Server> {
  const running = start(t, subject, folder)
  const url = () => /^http:\S+(?=\n)/.exec(running.stdout())?.[0]
  await until(() => url() !== undefined || running.child.exitCode !== null, 'a URL', 200_000 * slowness)
  assert.ok(url(), running.stderr())
  return { ...running, url: url()! }
}

interface Pause {
  /** Told when an answer begins. */
  begin(): void
  /** Before the second half of the body is sent. */
  until: Promise<void>
}

/** Sends a request over a connection of its own, and gives the body of the answer. */
export async function exchange(url: string, body?: Buffer, pause?: Pause): Promise<Buffer> {
  const request = http.request(url, {
    method: body ? 'POST' : 'GET',
    agent: false,
    headers: body ? { 'content-length': body.length } : {},
    timeout: 120_000 * slowness,
  })
  request.on('timeout', () => request.destroy(new Error('nothing came for a long time')))
  const answer = new Promise<Buffer>((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      pause?.begin()
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(Buffer.concat(chunks)))
      response.on('error', reject)
    })
  })
  if (body && pause) {
    const half = Math.floor(body.length / 2)
    request.write(body.subarray(0, half))
    await Promise.race([pause.until, answer])
    request.end(body.subarray(half))
  } else request.end(body)
  return answer
}

/** Nobody at the host's addresses hears of the guest, and none of them answers it, nor anybody at further places. */
export async function hostIsOutOfReach(
  get: (path: string) => Promise<string>,
  further: string[] = [],
): Promise<void> {
  let heard = 0
  const server = net.createServer((socket) => {
    heard++
    socket.destroy()
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  try {
    const { port } = server.address() as AddressInfo
    const ours = Object.values(os.networkInterfaces()).flatMap((list = []) => list)
    const hosts = ours.flatMap(({ family, internal, address }) =>
      family === 'IPv4' && !internal ? [address] : [],
    )
    // With egress the nameserver's address leads to a nameserver outside, but for its port 53 to nothing else.
    const ofHost = [guestNetwork.gateway, guestNetwork.nameserver, ...hosts].map((host) => `${host}:${port}`)
    const places = [...ofHost, ...further]
    const results = await Promise.all(places.map((where) => get(`connect?${where}`)))
    const answered = places.filter((_, i) => !['refused', 'nothing'].includes(results[i]!))
    assert.deepEqual(answered, [], String(results))
    assert.equal(heard, 0)
  } finally {
    server.close()
  }
}
