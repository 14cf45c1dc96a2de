import { UfrError } from '../../../base/errors.ts'
import type { Tuple, Value } from './format.ts'

const maxDepth = 32

/** Attributes of the root tuple as plain data. Nanos takes `arguments` as a list, `environment` as an object. */
export type ManifestValue = string | number | bigint | null | readonly ManifestValue[] | Manifest | Tuple
export interface Manifest {
  readonly [name: string]: ManifestValue
}

function bad(path: string, what: string): UfrError {
  return new UfrError('UFR-IMAGE-LIMIT', `manifest attribute ${path || '(root)'} ${what}`)
}

/** What UTF-8 cannot say would come back as something else. */
function checkText(text: string, path: string): string {
  if (!text.isWellFormed()) throw bad(path, 'has half a character (a lone surrogate) in it')
  return text
}

/**
 * Turns a manifest into a tuple in which attributes are in order of their names, so that equal manifests give equal
 * bytes however they were put together.
 * @throws UfrError UFR-IMAGE-LIMIT for what a tuple cannot hold
 */
export function manifestTuple(manifest: Manifest | Tuple, path = '', depth = 0): Tuple {
  if (depth > maxDepth) throw bad(path, `is nested deeper than ${maxDepth} levels`)
  const pairs: [string, ManifestValue][] =
    manifest instanceof Map ? [...manifest] : Object.entries(manifest as Manifest)
  pairs.sort(([a], [b]) => (a < b ? -1 : 1))
  const tuple: Tuple = new Map()
  for (const [name, value] of pairs) {
    const inner = path ? `${path}.${name}` : name
    if (name === '') throw bad(path, 'has an attribute without a name')
    tuple.set(checkText(name, inner), manifestValue(value, inner, depth + 1))
  }
  return tuple
}

function manifestValue(value: ManifestValue, path: string, depth: number): Value {
  if (value === null) return null
  if (typeof value === 'string') return checkText(value, path)
  if (typeof value === 'number' || typeof value === 'bigint') {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw bad(path, 'is not a whole number')
    if (value >= 2n ** 64n || value < -(2n ** 63n)) throw bad(path, 'has more than 64 bits')
    return value
  }
  if (typeof value !== 'object')
    throw bad(path, value === undefined ? 'has no value' : `is a ${typeof value}`)
  if (!Array.isArray(value)) return manifestTuple(value as Manifest | Tuple, path, depth)
  if (depth > maxDepth) throw bad(path, `is nested deeper than ${maxDepth} levels`)
  return value.map((element, i) => manifestValue(element, `${path}.${i}`, depth + 1))
}

/** A tuple as data that JSON can hold: integers beyond 2^53 become strings. */
export function tupleToJson(tuple: Tuple): Record<string, unknown> {
  return Object.fromEntries([...tuple].map(([name, value]) => [name, valueToJson(value)]))
}

function valueToJson(value: Value): unknown {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map(valueToJson)
  return value instanceof Map ? tupleToJson(value) : value
}
