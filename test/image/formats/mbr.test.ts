import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { type MbrPartition, planMbr, readMbr } from '../../../src/image/formats/mbr.ts'
import { type ByteSource, bytesSource } from '../../../src/image/source.ts'

/** A disk of many sectors, of which only the first one has bytes. */
function disk(first: Uint8Array, sectors: number): ByteSource {
  const source = bytesSource(first)
  return { size: sectors * 512, read: (offset, length) => source.read(offset, length) }
}

const linux = { type: 0x83, active: true }
const nanos = [
  { ...linux, start: 103, sectors: 24576 },
  { ...linux, start: 24679, sectors: 5321 },
]

function refused(code: string, message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof UfrError && error.code === code && message.test(error.message)
}

test('the bytes are those of the table that upstream writes for Nanos', () => {
  const bytes = planMbr([nanos[0]!, { ...nanos[1]!, sectors: 6144 }])
  const entries = ['8001290083882e016700000000600000', '80882f0183ea10016760000000180000', '00'.repeat(32)]
  assert.equal(Buffer.from(bytes.subarray(446)).toString('hex'), `${entries.join('')}55aa`)
  assert.equal(bytes.length, 512)
  assert.ok(bytes.subarray(0, 446).every((byte) => byte === 0))
})

test('partitions come back with their places in the table', () => {
  assert.deepEqual(
    readMbr(disk(planMbr(nanos), 30_000)),
    nanos.map((partition, index) => ({ ...partition, index })),
  )
})

test('boot code stays what it is', () => {
  const code = Buffer.alloc(446, 0xf4)
  const bytes = planMbr(nanos, code)
  assert.ok(code.equals(bytes.subarray(0, 446)))
  assert.equal(readMbr(disk(bytes, 30_000))?.length, 2)
})

test('an empty entry before a used one leaves the used one in its place', () => {
  const bytes = planMbr(nanos)
  bytes.fill(0, 446, 462)
  assert.deepEqual(readMbr(disk(bytes, 30_000)), [{ ...nanos[1], index: 1 }])
})

test('what is not a partition table is undefined', () => {
  const bytes = planMbr(nanos)
  assert.equal(readMbr(bytesSource(bytes.subarray(0, 511))), undefined)
  assert.equal(readMbr(bytesSource(new Uint8Array(512))), undefined)
  assert.equal(readMbr(disk(planMbr([]), 30_000)), undefined)
  // A boot sector has text or code where the entries would be.
  const text = bytes.slice()
  text.set(Buffer.from('Remove disks or other media.'), 446)
  assert.equal(readMbr(disk(text, 2 ** 32)), undefined)
  const atZero = bytes.slice()
  atZero.fill(0, 446 + 8, 446 + 12)
  assert.equal(readMbr(disk(atZero, 30_000)), undefined)
})

test('partitions beyond the end of the disk, or in each other, are errors', () => {
  assert.throws(() => readMbr(disk(planMbr(nanos), 29_999)), refused('UFR-FORMAT', /partition 2 ends/))
  const bytes = planMbr(nanos)
  bytes[446 + 16 + 9] = 0x5f
  assert.throws(() => readMbr(disk(bytes, 30_000)), refused('UFR-FORMAT', /partitions 1 and 2 overlap/))
})

test('the largest table there is', () => {
  const most = 2 ** 32 - 1
  const partitions = [
    { type: 0x83, active: false, start: 1, sectors: most - 1 },
    { type: 0xff, active: true, start: most, sectors: most },
  ]
  const bytes = planMbr(partitions)
  assert.equal(Buffer.from(bytes.subarray(446 + 5, 446 + 8)).toString('hex'), 'feffff')
  assert.deepEqual(
    readMbr(disk(bytes, 2 ** 33)),
    partitions.map((partition, index) => ({ ...partition, index })),
  )
})

const bad: [string, RegExp, Parameters<typeof planMbr>][] = [
  [
    'five partitions',
    /room for 4/,
    [Array.from({ length: 5 }, (_, i) => ({ ...linux, start: 1 + i, sectors: 1 }))],
  ],
  ['boot code that is too long', /room for 446/, [nanos, Buffer.alloc(447)]],
  ['a partition over the table itself', /at least 1/, [[{ ...linux, start: 0, sectors: 1 }]]],
  ['a partition of no sectors', /at least 1/, [[{ ...linux, start: 1, sectors: 0 }]]],
  ['half a sector', /at least 1/, [[{ ...linux, start: 1, sectors: 1.5 }]]],
  ['more than 2 TiB', /2 TiB/, [[{ ...linux, start: 1, sectors: 2 ** 32 }]]],
  ['type 0', /type 0/, [[{ type: 0, active: false, start: 1, sectors: 1 }]]],
  ['type 256', /type 256/, [[{ type: 256, active: false, start: 1, sectors: 1 }]]],
  ['overlap', /1 and 2 overlap/, [[nanos[0]!, { ...linux, start: 24678, sectors: 1 }]]],
  [
    'overlap in another order',
    /3 and 1 overlap/,
    [
      [nanos[1]!, { ...linux, start: 1, sectors: 1 }, nanos[0]!].map((p) => ({
        ...p,
        sectors: p.sectors + 1,
      })),
    ],
  ],
]
for (const [name, message, input] of bad) {
  test(`refused: ${name}`, () => assert.throws(() => planMbr(...input), refused('UFR-IMAGE-LIMIT', message)))
}

test('any partitions that do not overlap come back', () => {
  const partition = fc.record({
    type: fc.integer({ min: 1, max: 255 }),
    active: fc.boolean(),
    gap: fc.nat(100_000),
    sectors: fc.integer({ min: 1, max: 2 ** 29 }),
  })
  fc.assert(
    fc.property(fc.array(partition, { minLength: 1, maxLength: 4 }), fc.boolean(), (list, reverse) => {
      let end = 1
      const partitions: Omit<MbrPartition, 'index'>[] = list.map(({ type, active, gap, sectors }) => {
        const start = end + gap
        end = start + sectors
        return { type, active, start, sectors }
      })
      if (reverse) partitions.reverse()
      assert.deepEqual(
        readMbr(disk(planMbr(partitions), end)),
        partitions.map((p, index) => ({ ...p, index })),
      )
    }),
  )
})

test('any bytes give partitions inside the disk, nothing, or UFR-FORMAT', () => {
  const entry = fc.tuple(fc.constantFrom(0, 0x80, 1), fc.uint8Array({ minLength: 15, maxLength: 15 }))
  fc.assert(
    fc.property(fc.array(entry, { minLength: 4, maxLength: 4 }), fc.nat(2 ** 31), (entries, sectors) => {
      const bytes = new Uint8Array(512)
      for (const [i, [status, rest]] of entries.entries()) bytes.set([status, ...rest], 446 + 16 * i)
      bytes.set([0x55, 0xaa], 510)
      try {
        const found = readMbr(disk(bytes, sectors + 1))
        for (const { start, sectors: length } of found ?? [])
          assert.ok(start > 0 && start + length <= sectors + 1)
      } catch (error) {
        assert.ok(error instanceof UfrError && error.code === 'UFR-FORMAT')
      }
    }),
    { numRuns: 1000 },
  )
})
