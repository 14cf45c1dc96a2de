import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { readText } from '../base/text.ts'
import { checkValue, type Problem } from './check.ts'
import { parseJson } from './json.ts'
import { frame, placeName } from './place.ts'
import { nearestRuntime } from './runtime.ts'
import { configSchema, type FunctionConfig } from './schema.ts'

export const configName = 'ufr.json'

/**
 * What a folder's ufr.json says; nothing where it has none.
 * @throws UfrError UFR-CONFIG with line and column where it is no JSON or not as the schema wants it.
 */
export function readConfig(folder: string): FunctionConfig {
  const file = path.join(folder, configName)
  const text = readText(file, 'UFR-CONFIG')
  return text === undefined ? {} : parseConfig(text, file)
}

/** Checks the text of a ufr.json; `file` is for messages. */
export function parseConfig(text: string, file: string): FunctionConfig {
  if (text.trim() === '') {
    throw new UfrError('UFR-CONFIG', `${file} is empty`, { fix: 'Write {} into it, or remove it.' })
  }
  const json = parseJson(text, (message, at) => {
    throw new UfrError('UFR-CONFIG', `${placeName(file, text, at)}: ${message}`, { detail: frame(text, at) })
  })
  const [first, ...others] = checkValue(configSchema, json.value)
  if (!first) return json.value as FunctionConfig
  const at = json.at(first.path, first.atKey)
  const more = others.map((p) => `${placeName(file, text, json.at(p.path, p.atKey))}: ${p.message}`)
  throw new UfrError(
    'UFR-CONFIG',
    `${placeName(file, text, at)}: ${first.message}${runtimeHint(first, json.value)}`,
    {
      detail: [...frame(text, at), ...more],
      ...(first.about === undefined ? {} : { fix: `${first.about} (docs/ufr-json.md)` }),
    },
  )
}

function runtimeHint(problem: Problem, config: unknown): string {
  const written = (config as { runtime?: unknown } | null)?.runtime
  if (problem.path[0] !== 'runtime' || typeof written !== 'string') return ''
  const near = nearestRuntime(written)
  return near === undefined ? '' : `; did you mean "${near}"?`
}
