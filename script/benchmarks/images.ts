import fs from 'node:fs'
import { homePath } from '../../src/base/paths.ts'
import { noProgress } from '../../src/base/progress.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { finish } from './process.ts'
import type { Published } from './published.ts'

/** What `ufr build --json` says of an image. */
export interface Built {
  bytes: number
  buildMs: number
  cached: boolean
}

/** Builds an image by the command, and takes that command's time too. */
export async function buildImage(
  { command, env }: Published,
  kernel: UnikernelName,
  folder: string,
  signal: AbortSignal,
): Promise<Built & { commandMs: number }> {
  const args = ['build', folder, '--unikernel', kernel, '--json']
  const { stdout, milliseconds } = await finish(command, args, { signal, env })
  return { ...JSON.parse(stdout).image, commandMs: milliseconds }
}

/** Builds an image by the compiled functions, in this process. */
export async function buildInProcess(
  { prepare }: Published,
  kernel: UnikernelName,
  folder: string,
): Promise<Built> {
  return (await prepare.prepare(folder, { unikernel: kernel }, noProgress())).image
}

/** @throws Error where an image was taken from the store and not built, or the other way round. */
export function buildMs(built: Built, cached: boolean): number {
  if (built.cached === cached) return built.buildMs
  throw new Error(`the image was ${cached ? 'not there any more' : 'there before it was built'}`)
}

/** Takes away all that was built. */
export function emptyStore(): void {
  for (const name of ['volumes', 'images']) fs.rmSync(homePath(name), { recursive: true, force: true })
}
