import { copyExample, initFunction } from '../function/init.ts'
import { detectors } from '../language/detectors.ts'
import { type Action, printJson } from './outcome.ts'
import type { CopiedReport, WrittenReport } from './schema/init.ts'

export const init: Action = ({ words, options, json, progress }) => {
  const { example } = options
  if (typeof example === 'string') {
    const target = String(words[0] ?? `examples/${example}`)
    const folder = copyExample(example, target)
    if (json) printJson<CopiedReport>({ example, folder })
    else progress.note(`Wrote ${example} into ${folder}. Try: ufr run ${target}`)
    return 0
  }
  const { file, config } = initFunction(String(words[0] ?? '.'), detectors)
  if (json) printJson<WrittenReport>({ file, config })
  else progress.note(`Wrote ${file}: a ${config.shape} for ${config.runtime}.`)
  return 0
}
