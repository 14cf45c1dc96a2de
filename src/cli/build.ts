import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { environmentSettings, flagSettings } from '../function/settings.ts'
import { writeLayout } from '../image/write.ts'
import { prepare } from '../instance/prepare.ts'
import { type Action, printJson } from './outcome.ts'

export const build: Action = async ({ words, options, json, progress }) => {
  if (options['observe']) {
    throw new UfrError('UFR-NOT-YET', '--observe cannot be used yet', {
      fix: 'Name the files in ufr.json: `files`.',
    })
  }
  const overrides = { ...environmentSettings(), ...flagSettings(options) }
  const { spec, program, unikernel, image } = await prepare(String(words[0] ?? '.'), overrides, progress)
  const { digest } = image.record
  const output = typeof options['output'] === 'string' ? path.resolve(options['output']) : undefined
  if (output) {
    progress.step(`Writing ${output}`)
    writeLayout(output, unikernel.disk(program))
    progress.done()
  }
  const { bytes, buildMs, cached } = image
  if (json) {
    const built = { digest, bytes, buildMs, cached }
    printJson({ function: spec.name, unikernel: unikernel.name, image: built, ...(output && { output }) })
  } else {
    const how = cached ? 'cached' : `built in ${Math.round(buildMs)} ms`
    progress.note(
      `${spec.name} for ${unikernel.name} ${unikernel.kernel.version}: ${how}, ${mebibytes(bytes)} MiB`,
    )
    process.stdout.write(`${output ?? digest}\n`)
  }
  return 0
}

export function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
