import { UfrError } from '../../base/errors.ts'
import type { CpuidModifier } from './api.ts'

type Register = CpuidModifier['modifiers'][number]['register']

/** Where CPUID shows a feature (Intel SDM, volume 2, "CPUID"): leaf, subleaf, register, bit. */
type Place = readonly [leaf: number, subleaf: number, register: Register, bit: number]

const avx512: Place[] = [
  ...[16, 17, 21, 28, 30, 31].map((bit): Place => [7, 0, 'ebx', bit]),
  ...[1, 6, 11, 12, 14].map((bit): Place => [7, 0, 'ecx', bit]),
  ...[2, 3, 8, 23].map((bit): Place => [7, 0, 'edx', bit]),
  ...[5, 6, 7].map((bit): Place => [13, 0, 'eax', bit]),
]
const avx2: Place[] = [[7, 0, 'ebx', 5], ...avx512]

/** Features by QEMU's names, each with those that are nothing without it. */
const places: Record<string, Place[]> = {
  avx: [
    ...[28, 12, 29].map((bit): Place => [1, 0, 'ecx', bit]),
    ...[9, 10].map((bit): Place => [7, 0, 'ecx', bit]),
    [13, 0, 'eax', 2],
    ...avx2,
  ],
  avx2,
  avx512f: avx512,
  fma: [[1, 0, 'ecx', 12]],
  pcid: [[1, 0, 'ecx', 17]],
  rdrand: [[1, 0, 'ecx', 30]],
  rdseed: [[7, 0, 'ebx', 18]],
  smap: [[7, 0, 'ebx', 20]],
  smep: [[7, 0, 'ebx', 7]],
  'tsc-deadline': [[1, 0, 'ecx', 24]],
  x2apic: [[1, 0, 'ecx', 21]],
  xsaves: [[13, 1, 'eax', 3]],
}

/** Leaves that KVM keeps by subleaf carry this flag (KVM_CPUID_FLAG_SIGNIFCANT_INDEX). */
const bySubleaf = new Set([7, 13])

/**
 * What Firecracker's /cpu-config is told for features to take away, such as `-avx`.
 * @throws UfrError UFR-MACHINE for a feature that is not known here, or asked for: a guest has what the host has.
 */
export function cpuidModifiers(features: readonly string[]): CpuidModifier[] {
  const cleared = new Map<string, { place: Place; bits: Set<number> }>()
  for (const feature of features) {
    for (const place of placesOf(feature)) {
      const key = place.slice(0, 3).join(' ')
      const entry = cleared.get(key) ?? { place, bits: new Set() }
      entry.bits.add(place[3])
      cleared.set(key, entry)
    }
  }
  const modifiers = new Map<string, CpuidModifier>()
  for (const { place, bits } of cleared.values()) {
    const [leaf, subleaf, register] = place
    const key = `${leaf} ${subleaf}`
    const modifier = modifiers.get(key) ?? {
      leaf: `0x${leaf.toString(16)}`,
      subleaf: `0x${subleaf.toString(16)}`,
      flags: bySubleaf.has(leaf) ? 1 : 0,
      modifiers: [],
    }
    modifier.modifiers.push({ register, bitmap: bitmap(bits) })
    modifiers.set(key, modifier)
  }
  return [...modifiers.values()]
}

function placesOf(feature: string): Place[] {
  const name = feature.slice(1)
  const found = feature.startsWith('-') && Object.hasOwn(places, name) ? places[name] : undefined
  if (found) return found
  throw new UfrError('UFR-MACHINE', `Firecracker cannot be told the processor feature ${feature}`, {
    fix: 'Use --vmm qemu.',
  })
}

function bitmap(bits: Set<number>): string {
  return `0b${Array.from({ length: 32 }, (_, index) => (bits.has(31 - index) ? '0' : 'x')).join('')}`
}
