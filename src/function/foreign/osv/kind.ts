import fs from 'node:fs'
import path from 'node:path'
import type { ForeignKind, Found } from '../foreign.ts'
import { readInput } from '../text.ts'
import { isFile, isOsvConfig, moduleFile, moduleFiles } from './repositories.ts'

/**
 * An app for OSv's scripts: a folder with module.py (or modules.py) and usr.manifest; or a folder of such apps with the
 * config.json that names it.
 */
export const osvKind: ForeignKind = {
  name: 'osv',
  looksFor: 'module.py and usr.manifest of an OSv module',
  recognise(input) {
    const stat = fs.statSync(input, { throwIfNoEntry: false })
    if (stat?.isDirectory()) return ofFolder(input)
    const name = path.basename(input)
    if (!stat?.isFile()) return undefined
    if ((moduleFiles as readonly string[]).includes(name) || name === 'usr.manifest')
      return module(path.dirname(input))
    return ofConfig(input)
  },
}

function ofFolder(folder: string): Found | undefined {
  const file = moduleFile(folder)
  if (isFile(path.join(folder, 'usr.manifest'))) return module(folder)
  // A file of that name is in many Python projects: one of OSv's says so in its first lines.
  if (file !== undefined && /\bosv\.modules\b/.test(readInput(file)?.text ?? '')) return module(folder)
  return ofConfig(path.join(folder, 'config.json'))
}

function module(folder: string): Found {
  return {
    title: `An OSv module (${folder})`,
    load: async (overrides) => (await import('./load.ts')).loadModule(folder, overrides),
  }
}

function ofConfig(file: string): Found | undefined {
  if (!file.endsWith('.json') || !isFile(file)) return undefined
  const text = readInput(file)
  if (!text || !isOsvConfig(text)) return undefined
  return {
    title: `A configuration of OSv modules (${file})`,
    load: async (overrides) => (await import('./load.ts')).loadRepositories(text, overrides),
  }
}
