import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { readElf } from '../../image/formats/elf/elf.ts'
import { withSource } from '../../image/source.ts'

const maxFiles = 20_000
const maxNames = 4

/**
 * What installed packages need of a system and the guest does not have, as a line for a person: wheels may take a few
 * libraries of a desktop for granted (PEP 513), and some bring modules that hardly anybody loads. So it is no error.
 * @param packages folder with them.
 */
export function missingLibraries(root: string, packages: string): string | undefined {
  const objects = filesBelow(packages).filter((file) => /\.so(\.\d+)*$/.test(file))
  const there = new Set(objects.map((file) => path.basename(file)))
  for (const folder of ['lib/x86_64-linux-gnu', 'lib64']) {
    for (const name of fs.readdirSync(path.join(root, folder))) there.add(name)
  }
  const missing = new Map<string, string>()
  for (const file of objects) {
    for (const name of neededBy(path.join(packages, file))) {
      if (!there.has(name) && !missing.has(name)) missing.set(name, file)
    }
  }
  if (missing.size === 0) return undefined
  const names = [...missing.keys()]
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : ''
  const file = missing.get(names[0]!)
  return `The guest does not have ${names.slice(0, maxNames).join(', ')}${more}, which installed packages need (${file}): what loads them will fail.`
}

function neededBy(file: string): string[] {
  try {
    return withSource(file, (source) => readElf(source).needed)
  } catch (error) {
    // A text for the linker, or nothing that could be loaded anyway.
    if (error instanceof UfrError) return []
    throw error
  }
}

function filesBelow(folder: string): string[] {
  const found: string[] = []
  const walk = (below: string): void => {
    for (const entry of fs.readdirSync(path.join(folder, below), { withFileTypes: true })) {
      const name = below === '' ? entry.name : `${below}/${entry.name}`
      if (found.length >= maxFiles) return
      if (entry.isDirectory()) walk(name)
      else if (entry.isFile()) found.push(name)
    }
  }
  walk('')
  return found
}
