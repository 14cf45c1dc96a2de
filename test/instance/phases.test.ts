import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guestConsole } from '../../src/instance/console.ts'
import { phasesOf } from '../../src/instance/phases.ts'

function heard(...chunks: string[]) {
  const console = guestConsole({ carriageReturns: false, kernelLine: () => undefined, entryMark: true })
  for (const chunk of chunks) console.push(Buffer.from(chunk))
  return console
}

test('phases come in their order, and what was not seen is null', () => {
  const spawned = performance.now() - 50
  const vcpu = performance.now()
  const { vmm, ...all } = phasesOf({ spawned, vcpu }, heard('[k]\n', '\x1b_\x1b\\out'), performance.now() + 5)
  assert.equal(vmm, 0)
  assert.ok(
    all.vcpu! <= all.kernel! && all.kernel! <= all.entry! && all.entry! < all.ready!,
    JSON.stringify(all),
  )
  assert.equal(all.response, null)
  const silent = phasesOf({ spawned, vcpu }, heard())
  assert.deepEqual([silent.kernel, silent.entry, silent.ready], [null, null, null])
  assert.equal(silent.vcpu, Math.round((vcpu - spawned) * 100) / 100)
})

test('a guest that is heard before the VMM says that it runs was running by then', () => {
  const console = heard('[k]')
  const spawned = performance.now() - 50
  const phases = phasesOf({ spawned, vcpu: performance.now() + 100 }, console)
  assert.equal(phases.vcpu, phases.kernel)
})
