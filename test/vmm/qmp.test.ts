import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import { openQmp } from '../../src/vmm/qemu/qmp.ts'

/** A QEMU of a few lines: collects what is sent, and says what the test makes it say. */
function fakeQemu() {
  const sent: { execute: string; arguments?: unknown }[] = []
  const socket = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      for (const line of chunk.toString().trim().split('\n')) sent.push(JSON.parse(line))
      done()
    },
  })
  return { socket, sent, say: (text: string) => socket.push(text) }
}

test('answers go to the commands in their order, events and cut lines in between', async () => {
  const { socket, sent, say } = fakeQemu()
  const events: string[] = []
  const qmp = openQmp(socket, (name) => events.push(name))
  const first = qmp.execute('cont')
  const second = qmp.execute('query-status', { a: 1 })
  say('{"QMP": {"version": {}, "capabilities": []}}\r\n{"return": {}}\r\n{"event": "RES')
  say(
    'UME", "data": {}}\r\n{"return": {}}\r\n{"error": {"class": "GenericError", "desc": "no such thing"}}\r\n',
  )
  assert.deepEqual(await first, {})
  await assert.rejects(second, /no such thing/)
  assert.deepEqual(events, ['RESUME'])
  assert.deepEqual(
    sent.map(({ execute }) => execute),
    ['qmp_capabilities', 'cont', 'query-status'],
  )
})

test('when the connection ends, whoever waits is told, and whoever comes later too', async () => {
  const { socket } = fakeQemu()
  const qmp = openQmp(socket)
  const waiting = qmp.execute('cont')
  socket.destroy()
  await assert.rejects(waiting, /closed the control connection/)
  await assert.rejects(qmp.execute('cont'), /closed the control connection/)
})

test('an event comes with the time at which it was, where QEMU says so', async () => {
  const { socket, say } = fakeQemu()
  const times: number[] = []
  const qmp = openQmp(socket, (_name, at) => times.push(at))
  const told = (performance.timeOrigin + performance.now() - 40) / 1000
  const timestamp = { seconds: Math.floor(told), microseconds: Math.round((told % 1) * 1e6) }
  say(
    `${JSON.stringify({ event: 'RESUME', timestamp })}\n{"event": "STOP"}\n{"return": {}}\n{"return": {}}\n`,
  )
  await qmp.execute('cont')
  const now = performance.now()
  assert.ok(Math.abs(now - 40 - times[0]!) < 20, `${times[0]} ${now}`)
  assert.ok(Math.abs(now - times[1]!) < 20)
})
