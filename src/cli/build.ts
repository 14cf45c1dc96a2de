import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { environmentSettings, flagSettings } from '../function/settings.ts'
import type { Layout } from '../image/layout.ts'
import { writeLayout } from '../image/write.ts'
import { withoutEntryMark } from '../instance/entry-mark.ts'
import { prepare } from '../instance/prepare.ts'
import { asksToObserve, observeFirst } from './observe.ts'
import { type Action, printJson } from './outcome.ts'
import type { BuildReport } from './schema/build.ts'

export const build: Action = async (call) => {
  const { words, options, json, progress } = call
  const folder = String(words[0] ?? '.')
  const output = outputFile(options['output'], folder)
  const overrides = { ...environmentSettings(), ...flagSettings(options) }
  const observed = asksToObserve(options) ? await observeFirst(call, folder, overrides) : undefined
  const { spec, program, unikernel, image } = await prepare(folder, overrides, progress)
  const { digest } = image.record
  if (output) {
    progress.step(`Writing ${output}`)
    await writeDisk(output, unikernel.disk(withoutEntryMark(program)))
    progress.done()
  }
  const { bytes, buildMs, cached } = image
  observed?.dropVolumes()
  if (json) {
    const built = { digest, bytes, buildMs, cached }
    printJson<BuildReport>({
      function: spec.name,
      unikernel: unikernel.name,
      image: built,
      ...(output && { output }),
      ...(observed?.report && { observed: observed.report }),
    })
  } else {
    const how = cached ? 'cached' : `built in ${Math.round(buildMs)} ms`
    progress.note(
      `${spec.name} for ${unikernel.name} ${unikernel.kernel.version}: ${how}, ${mebibytes(bytes)} MiB`,
    )
    process.stdout.write(`${output ?? digest}\n`)
  }
  if (observed?.failure) throw observed.failure
  return 0
}

async function writeDisk(file: string, layout: Layout): Promise<void> {
  try {
    await writeLayout(file, layout)
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-DATA') throw error
    // The table's advice is about the data folder.
    const fix = 'Free space there, or name another place with -o.'
    throw new UfrError(error.code, error.message, { cause: error, fix })
  }
}

/**
 * @throws UfrError UFR-USAGE for a file in the function's folder, which the next build would take in, and for what is
 * there and no file: root could replace a device.
 */
function outputFile(given: unknown, folder: string): string | undefined {
  if (typeof given !== 'string') return undefined
  const file = path.resolve(given)
  if (!path.relative(path.resolve(folder), file).startsWith('..')) {
    const fix = 'Name a file elsewhere, such as ../hello.img.'
    throw new UfrError('UFR-USAGE', `${file} lies in the function's own folder and would become part of it`, {
      fix,
    })
  }
  const there = fs.statSync(file, { throwIfNoEntry: false })
  if (there && !there.isFile()) {
    const what = there.isDirectory() ? 'is a folder, and the image is to be a file' : 'is no regular file'
    throw new UfrError('UFR-USAGE', `${file} ${what}`, { fix: 'Name a file: -o hello.img' })
  }
  return file
}

export function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}
