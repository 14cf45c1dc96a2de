import { didYouMean, nearest } from '../../../base/nearest.ts'
import { inputError, type TextFile } from '../text.ts'
import { kraftKeys } from './keys.ts'
import { readYaml, type YamlValue } from './yaml.ts'

/** What a Kraftfile says, as far as ufr makes something of it. */
export interface Kraftfile {
  name?: string
  command: string[]
  environment: Record<string, string>
  rootfs?: { path: string; at: number }
  /** Such as `node:21`. */
  runtime?: string
  /** Whether it builds a kernel with the program in it. */
  buildsKernel: boolean
  commandAt: number
  notes: string[]
}

/** @throws UfrError UFR-INPUT with file, line and column for unknown keys, wrong values and what ufr refuses. */
export function readKraft(file: TextFile): Kraftfile {
  const top = readYaml(file)
  if (top.kind !== 'map') throw inputError(file, top.at, 'a Kraftfile is a map of keys and values')
  const left = new Map<string, string[]>()
  for (const [key, { value, keyAt }] of top.entries) {
    const known = Object.hasOwn(kraftKeys, key) ? kraftKeys[key] : undefined
    if (!known) {
      const near = nearest(key, Object.keys(kraftKeys))
      const fix = near === undefined ? 'Remove it.' : `Write ${near}, or remove it.`
      const hint = didYouMean(key, Object.keys(kraftKeys))
      throw inputError(file, keyAt, `unknown key ${JSON.stringify(key)}${hint}`, { fix })
    }
    if (isEmpty(value)) continue
    if (known.handling === 'refused') {
      throw inputError(file, keyAt, `${key} cannot be had here: ${known.says}`, { fix: `Remove ${key}.` })
    }
    if (known.handling === 'noted') left.set(known.says, [...(left.get(known.says) ?? []), key])
  }
  const get = (key: string) => {
    const value = top.entries.get(key)?.value
    return value && !isEmpty(value) ? value : undefined
  }
  checkVersion(file, get('spec') ?? get('specification'))
  const name = textOf(file, get('name'), 'name')
  const rootfs = get('rootfs')
  const path = textOf(file, rootfs, 'rootfs')
  const command = get('cmd')
  const runtime = runtimeOf(file, get('runtime'))
  return {
    ...(name === undefined ? {} : { name }),
    ...(path === undefined ? {} : { rootfs: { path, at: rootfs!.at } }),
    ...(runtime === undefined ? {} : { runtime }),
    command: command === undefined ? [] : commandOf(file, command),
    commandAt: command?.at ?? 0,
    environment: environmentOf(file, get('env')),
    buildsKernel: get('unikraft') !== undefined && get('template') === undefined && runtime === undefined,
    notes: [...left].map(([why, keys]) => `${file.file}: ${keys.join(', ')} left out: ${why}.`),
  }
}

function isEmpty(value: YamlValue): boolean {
  if (value.kind === 'text') return !value.quoted && /^(|~|null)$/i.test(value.text)
  return value.kind === 'list' ? value.items.length === 0 : value.entries.size === 0
}

function checkVersion(file: TextFile, value: YamlValue | undefined): void {
  if (value === undefined) return
  const text = value.kind === 'text' ? value.text : ''
  if (/^v?0\.[5-7](\.\d+)?$/.test(text)) return
  const fix = 'Write spec: v0.6'
  throw inputError(file, value.at, `Kraftfiles of the version ${text || '?'} are not known here`, { fix })
}

function textOf(file: TextFile, value: YamlValue | undefined, key: string): string | undefined {
  if (value === undefined) return undefined
  if (value.kind !== 'text' || value.text.includes('\0'))
    throw inputError(file, value.at, `${key} must be a text`)
  return value.text
}

/** kraftkit: unikraft/app/loader.go takes a text for one word; people write command lines into it. */
function commandOf(file: TextFile, value: YamlValue): string[] {
  const items =
    value.kind === 'list' ? value.items.map((item) => textOf(file, item, 'an item of cmd')!) : undefined
  const words = items ?? textOf(file, value, 'cmd')!.split(/\s+/)
  const only = words[0]
  // As in ["/usr/bin/php /usr/src/server.php"].
  if (words.length === 1 && only !== undefined) return only.split(/\s+/).filter((word) => word !== '')
  return words
}

function environmentOf(file: TextFile, value: YamlValue | undefined): Record<string, string> {
  const found: Record<string, string> = {}
  const set = (name: string, text: string, at: number) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw inputError(file, at, `${JSON.stringify(name)} is no name of a variable`)
    }
    found[name] = text
  }
  if (value?.kind === 'map') {
    for (const [name, one] of value.entries) set(name, textOf(file, one.value, name) ?? '', one.keyAt)
  } else if (value?.kind === 'list') {
    for (const item of value.items) {
      const text = textOf(file, item, 'an item of env') ?? ''
      const equals = text.indexOf('=')
      if (equals < 1) throw inputError(file, item.at, 'an item of env is NAME=VALUE')
      set(text.slice(0, equals), text.slice(equals + 1), item.at)
    }
  } else if (value) throw inputError(file, value.at, 'env must be a map, or a list of NAME=VALUE')
  return found
}

function runtimeOf(file: TextFile, value: YamlValue | undefined): string | undefined {
  const source = value?.kind === 'map' ? value.entries.get('source')?.value : value
  return textOf(file, source, 'runtime')
}
