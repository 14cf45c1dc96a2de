import { UfrError } from '../base/errors.ts'
import { checkValue } from './check.ts'
import { configSchema } from './schema.ts'
import type { FunctionSpec } from './spec.ts'

/** Keys of ufr.json that a flag or a UFR_* variable can stand in for, and what they are in a FunctionSpec. */
const settingKeys = {
  unikernel: 'unikernel',
  vmm: 'vmm',
  memory: 'memoryMiB',
  cpus: 'cpus',
  timeout: 'timeoutSeconds',
  network: 'network',
  port: 'port',
  command: 'command',
} as const

type Key = keyof typeof settingKeys

/** For loadFunction's `overrides`. Flags come before variables: `{ ...environmentSettings(), ...flagSettings(flags) }`. */
export type Settings = Partial<Pick<FunctionSpec, (typeof settingKeys)[Key] | 'entryMark'>>

/**
 * Settings as the command line has them: texts by key of ufr.json; undefined where a flag is not given. Other keys
 * are left alone.
 * @throws UfrError UFR-USAGE naming the flag.
 */
export function flagSettings(flags: { readonly [key: string]: unknown }): Settings {
  const read = (key: Key) => (flags[key] === undefined ? undefined : String(flags[key]))
  return settings(read, (key) => `--${key}`)
}

/** What a variable would say about every function of a session alike is left to flags and ufr.json. */
const flagsOnly: ReadonlySet<Key> = new Set<Key>(['port', 'command'])

/**
 * Settings from UFR_UNIKERNEL, UFR_VMM, UFR_MEMORY, UFR_CPUS, UFR_TIMEOUT, UFR_NETWORK and UFR_ENTRY_MARK; one that is
 * set to nothing is not set.
 * @throws UfrError UFR-USAGE naming the variable.
 */
export function environmentSettings(environment: NodeJS.ProcessEnv = process.env): Settings {
  const variable = (key: Key) => `UFR_${key.toUpperCase()}`
  const read = (key: Key) => (flagsOnly.has(key) ? undefined : environment[variable(key)] || undefined)
  return { ...settings(read, variable), ...entryMarkOf(environment['UFR_ENTRY_MARK']) }
}

function entryMarkOf(text: string | undefined): Pick<Settings, 'entryMark'> {
  if (!text) return {}
  if (text === 'on' || text === 'off') return { entryMark: text === 'on' }
  throw new UfrError('UFR-USAGE', `UFR_ENTRY_MARK must be on or off, and is ${JSON.stringify(text)}`)
}

function settings(read: (key: Key) => string | undefined, name: (key: Key) => string): Settings {
  const found: Record<string, string | number> = {}
  for (const [key, specKey] of Object.entries(settingKeys) as [Key, string][]) {
    const text = read(key)
    if (text === undefined) continue
    const schema = configSchema.properties[key]
    const value = 'type' in schema && /^\d+$/.test(text) ? Number(text) : text
    const [problem] = checkValue(schema, value, [name(key)])
    if (problem) {
      throw new UfrError('UFR-USAGE', problem.message, { fix: `${name(key)}: ${schema.description}` })
    }
    found[specKey] = value
  }
  return found as Settings
}
