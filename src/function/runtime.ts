import { nearest } from '../base/nearest.ts'

/** Identifiers of AWS and our own that a mistyped one is compared with; others of the same pattern are as good. */
const knownRuntimes = [
  'nodejs',
  'nodejs20.x',
  'nodejs22.x',
  'nodejs24.x',
  'java',
  'java17',
  'java21',
  'java25',
  'python3.11',
  'python3.12',
  'python3.13',
  'python3.14',
  'provided.al2023',
  'native',
]

/** What a runtime identifier is without its version: `nodejs`, `java`, `python`, `provided` or `native`. */
export function runtimeFamily(runtime: string): string {
  return /^[a-z]+/.exec(runtime)?.[0] ?? runtime
}

/** The runtime identifier that somebody probably meant by another spelling, or undefined. */
export function nearestRuntime(written: string): string | undefined {
  const node = /^node(?:\.?js)?[-_: ]?v?(\d\d)?(?:\.\w+)*$/i.exec(written)
  if (node) return node[1] ? `nodejs${node[1]}.x` : 'nodejs'
  const java = /^(?:java|jdk|jvm|openjdk)[-_: ]?(\d{1,2})(?:\.\w+)*$/i.exec(written)
  if (java) return `java${java[1]}`
  const python = /^(?:python|py)[-_: ]?3\.?(\d{1,2})(?:\.\w+)*$/i.exec(written)
  if (python) return `python3.${python[1]}`
  // Languages that are machine code have no identifiers of their own.
  if (/^(?:swift|rust|go|golang|c|cpp|c\+\+|zig)[-_@: ]?v?[\d.]*x?$/i.test(written)) return 'native'
  return nearest(written, knownRuntimes)
}
