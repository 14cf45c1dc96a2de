import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { chooseLink, type LinkWish } from '../../src/link/choose.ts'
import type { TapRights } from '../../src/link/tap/rights.ts'
import type { LinkKind } from '../../src/vmm/machine.ts'
import type { VmmTraits } from '../../src/vmm/vmm.ts'

const vmms: Record<string, LinkKind[]> = { qemu: ['user', 'tap'], firecracker: ['tap', 'vsock'] }
const kernels: Record<string, LinkKind[]> = { linux: ['user', 'tap', 'vsock'], nanos: ['user', 'tap'] }
const rights: Record<string, TapRights> = {
  capable: { how: 'capable' },
  alone: { how: 'alone' },
  none: { how: 'none', reason: 'this is a test' },
}

function wish(vmm: string, kernel: string, wanted: LinkKind | 'auto', egress: boolean): LinkWish {
  return {
    wanted,
    egress,
    vmm: { name: vmm, traits: { links: vmms[vmm]! } as unknown as VmmTraits },
    unikernel: { name: kernel, links: kernels[kernel]! },
  }
}

/** VMM, kernel, rights, link asked for, egress: the link that it becomes, or the error's code. */
const table: [string, string, string, LinkKind | 'auto', boolean, string][] = [
  ['qemu', 'nanos', 'none', 'auto', false, 'user'],
  ['qemu', 'nanos', 'capable', 'auto', false, 'user'],
  ['qemu', 'nanos', 'capable', 'auto', true, 'tap'],
  ['qemu', 'nanos', 'alone', 'auto', true, 'UFR-LINK-RIGHTS'],
  ['qemu', 'nanos', 'none', 'auto', true, 'UFR-LINK-RIGHTS'],
  ['qemu', 'nanos', 'none', 'tap', false, 'tap'],
  ['qemu', 'nanos', 'capable', 'user', true, 'UFR-MACHINE'],
  ['qemu', 'linux', 'capable', 'vsock', false, 'UFR-MACHINE'],
  ['firecracker', 'nanos', 'capable', 'auto', false, 'tap'],
  ['firecracker', 'nanos', 'alone', 'auto', false, 'tap'],
  ['firecracker', 'nanos', 'none', 'auto', false, 'UFR-LINK-RIGHTS'],
  ['firecracker', 'nanos', 'capable', 'vsock', false, 'UFR-MACHINE'],
  ['firecracker', 'nanos', 'capable', 'user', false, 'UFR-MACHINE'],
  ['firecracker', 'linux', 'capable', 'auto', false, 'tap'],
  ['firecracker', 'linux', 'none', 'auto', false, 'vsock'],
  ['firecracker', 'linux', 'none', 'auto', true, 'UFR-LINK-RIGHTS'],
  ['firecracker', 'linux', 'capable', 'vsock', false, 'vsock'],
  ['firecracker', 'linux', 'capable', 'vsock', true, 'UFR-MACHINE'],
]

for (const [vmm, kernel, may, wanted, egress, expected] of table) {
  const name = `${kernel} on ${vmm}, --link ${wanted}${egress ? ', with egress' : ''}, rights ${may}: ${expected}`
  test(name, () => {
    const choose = () => chooseLink(wish(vmm, kernel, wanted, egress), () => rights[may]!)
    if (!expected.startsWith('UFR-')) assert.deepEqual(choose(), { link: expected, egress })
    else assert.throws(choose, (error) => error instanceof UfrError && error.code === expected)
  })
}

test('a refusal names what is in the way, and the next step', () => {
  const refusal = (...about: Parameters<typeof wish>) => {
    try {
      chooseLink(wish(...about), () => rights['capable']!)
    } catch (error) {
      return error as UfrError
    }
    throw new Error('not refused')
  }
  const pair = refusal('firecracker', 'nanos', 'vsock', false)
  assert.match(pair.message, /nanos cannot be reached over the link vsock/)
  assert.match(pair.fix, /--link tap/)
  const outside = refusal('firecracker', 'linux', 'vsock', true)
  assert.match(outside.message, /vsock gives no egress/)
  assert.match(outside.fix, /--link tap/)
  assert.match(refusal('qemu', 'linux', 'vsock', false).message, /qemu has no link vsock/)
})
