import fs from 'node:fs'
import path from 'node:path'
import { parseJson } from '../../json.ts'
import type { ForeignKind } from '../foreign.ts'
import { readInput, type TextFile } from '../text.ts'
import { tellingKeys } from './keys.ts'

const configFile = 'config.json'

/**
 * A configuration of `ops`: `config.json` in a folder, or any JSON file that is given itself. Many programs have a
 * config.json of their own: one of ops is known by a key of its manual.
 */
export const opsKind: ForeignKind = {
  name: 'ops',
  looksFor: `an ${configFile} of ops`,
  recognise(input) {
    const stat = fs.statSync(input, { throwIfNoEntry: false })
    const given = stat?.isFile() === true && input.endsWith('.json')
    if (!given && !stat?.isDirectory()) return undefined
    const file = given ? input : path.join(input, configFile)
    if (!given && !fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return undefined
    const text = readInput(file)
    if (!text || !isOps(text)) return undefined
    return {
      title: `An ops configuration (${file})`,
      load: async (overrides) => (await import('./load.ts')).loadOps(text, overrides),
    }
  },
}

/** Where it is no JSON at all, it may be meant to be one of ops: by a telling key at the beginning of a line. */
function isOps({ text }: TextFile): boolean {
  let value: unknown
  try {
    value = parseJson(text, (message) => {
      throw new Error(message)
    }).value
  } catch {
    return tellingKeys.some((key) => new RegExp(`^\\s*\\{?\\s*"${key}"\\s*:`, 'm').test(text))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return tellingKeys.some((key) => Object.hasOwn(value, key))
}
