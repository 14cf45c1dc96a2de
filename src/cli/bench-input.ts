import fs from 'node:fs'
import path from 'node:path'
import { temporaryName } from '../base/atomic.ts'
import { UfrError } from '../base/errors.ts'
import { makeFolders } from '../base/folders.ts'
import { type Pinning, pin } from '../bench/pin.ts'

/** A text of the command line, where it is given. */
export function textOption(options: Record<string, unknown>, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

/** A whole number that an option gives. @throws UfrError UFR-USAGE */
export function readCount(flag: string, given: unknown, fallback: number, least: number): number {
  if (given === undefined) return fallback
  const text = String(given)
  if (/^\d{1,5}$/.test(text) && Number(text) >= least) return Number(text)
  throw new UfrError('UFR-USAGE', `${flag} ${JSON.stringify(text)} is no number from ${least} to 99999`, {
    fix: `Give a number, such as ${flag} ${fallback}.`,
  })
}

/** A number of an option within bounds. @throws UfrError UFR-USAGE */
export function readNumber(
  flag: string,
  given: unknown,
  fallback: number,
  [least, most]: readonly [number, number],
): number {
  if (given === undefined) return fallback
  const value = /^\d+(\.\d+)?$/.test(String(given)) ? Number(given) : Number.NaN
  if (value >= least && value <= most) return value
  const what = `${flag} ${JSON.stringify(String(given))} is no number from ${least} to ${most}`
  throw new UfrError('UFR-USAGE', what, { fix: `Give a number, such as ${flag} ${fallback}.` })
}

/** As `pin`, for --pin. */
export function readPinning(given: unknown): Pinning {
  return pin(typeof given === 'string' ? given : 'auto')
}

/**
 * The folder that --out names, made where it is not there, after a file could be written into it: what takes minutes
 * to measure must not be lost at the end.
 * @throws UfrError UFR-DATA where it cannot be.
 */
export function readOut(given: unknown): string | undefined {
  if (typeof given !== 'string') return undefined
  const folder = path.resolve(given)
  const trial = temporaryName(path.join(folder, 'report'))
  try {
    makeFolders(folder)
    fs.writeFileSync(trial, '', { flag: 'wx' })
    fs.rmSync(trial)
    return folder
  } catch (cause) {
    throw new UfrError('UFR-DATA', `${folder} cannot be written: ${(cause as Error).message}`, {
      cause,
      fix: 'Name another folder with --out, or free space there.',
    })
  }
}
