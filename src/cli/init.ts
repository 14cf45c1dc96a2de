import { findForeign } from '../function/foreign/foreign.ts'
import { foreignKinds } from '../function/foreign/kinds.ts'
import { copyExample, initForeign, initFunction } from '../function/init.ts'
import { flagSettings } from '../function/settings.ts'
import { detectors } from '../language/detectors.ts'
import { type Action, printJson } from './outcome.ts'
import type { CopiedReport, WrittenReport } from './schema/init.ts'

export const init: Action = async ({ words, options, json, progress }) => {
  const { example } = options
  if (typeof example === 'string') {
    const target = String(words[0] ?? `examples/${example}`)
    const folder = copyExample(example, target)
    if (json) printJson<CopiedReport>({ example, folder })
    else progress.note(`Wrote ${example} into ${folder}. Try: ufr run ${target}`)
    return 0
  }
  const input = String(words[0] ?? '.')
  const { found } = findForeign(input, foreignKinds)
  const { file, config, lost } = found
    ? await initForeign(found, flagSettings(options), progress)
    : initFunction(input, detectors)
  if (json) printJson<WrittenReport>({ file, config, lost })
  else {
    const what =
      config.image === undefined ? `a ${config.shape} for ${config.runtime}` : `the image ${config.image}`
    progress.note(`Wrote ${file}: ${what}.`)
    for (const one of lost) progress.note(`Not in it: ${one}`)
  }
  return 0
}
