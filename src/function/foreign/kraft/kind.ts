import fs from 'node:fs'
import path from 'node:path'
import type { ForeignKind } from '../foreign.ts'
import { readInput } from '../text.ts'

/** kraftkit: unikraft/app/project.go, DefaultFileNames. */
const names = ['kraft.yaml', 'kraft.yml', 'Kraftfile.yml', 'Kraftfile.yaml', 'Kraftfile']

/** A Kraftfile, in a folder or given itself. */
export const kraftKind: ForeignKind = {
  name: 'kraft',
  looksFor: 'a Kraftfile',
  recognise(input) {
    const stat = fs.statSync(input, { throwIfNoEntry: false })
    const given = stat?.isFile() === true && names.includes(path.basename(input))
    const inside = stat?.isDirectory() ? names.map((name) => path.join(input, name)) : []
    const file = given ? input : inside.find((one) => fs.statSync(one, { throwIfNoEntry: false })?.isFile())
    const text = file === undefined ? undefined : readInput(file)
    if (!text) return undefined
    return {
      title: `A Kraftfile (${file})`,
      load: async (overrides) => (await import('./load.ts')).loadKraft(text, overrides),
    }
  },
}
