import fs from 'node:fs'
import path from 'node:path'
import type { Progress } from '../base/progress.ts'
import { configName } from '../function/config.ts'
import { imageFound } from '../function/foreign/container/kind.ts'
import { findForeign, type Overrides } from '../function/foreign/foreign.ts'
import { foreignKinds } from '../function/foreign/kinds.ts'
import { imageSaid, loadFunction } from '../function/load.ts'
import type { FunctionSpec } from '../function/spec.ts'
import { detectors } from '../language/detectors.ts'

/**
 * A function from whatever was given: a folder of ufr's own kind, or an input of another tool (docs/inputs.md).
 * @throws UfrError as `loadFunction` and the kinds of `foreignKinds` do.
 */
export async function loadInput(
  input: string,
  overrides: Overrides,
  progress: Progress,
): Promise<FunctionSpec> {
  const { found, shadowed } = findForeign(input, foreignKinds)
  if (shadowed) progress.note(`${shadowed.title} is there as well; ${configName} is what counts.`)
  const other = found ? { load: found.load, said: overrides } : imageOf(input, overrides)
  if (!other) return loadFunction(input, overrides, detectors)
  const { spec, hints = [] } = await other.load(other.said, progress)
  for (const note of [...(spec.notes ?? []), ...hints]) progress.note(note)
  return spec
}

/** The container image that a ufr.json names, with what it says about it. */
function imageOf(input: string, overrides: Overrides) {
  const named = fs.existsSync(path.join(input, configName)) ? imageSaid(input, overrides) : undefined
  return named && { load: imageFound(input, named.image).load, said: named.said }
}
