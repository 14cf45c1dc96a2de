import { UfrError } from '../../base/errors.ts'
import { readText } from '../../base/text.ts'
import { frame, lineOf, placeName } from '../place.ts'

/** A file of another tool's, with what it takes to say where something is wrong in it. */
export interface TextFile {
  /** As messages name it. */
  file: string
  text: string
}

/**
 * The text of an input, or undefined where there is no such file.
 * @throws UfrError UFR-INPUT where it cannot be read, is no UTF-8 text or larger than 1 MiB.
 */
export function readInput(file: string): TextFile | undefined {
  const text = readText(file, 'UFR-INPUT')
  return text === undefined ? undefined : { file, text }
}

/** An error about a place in a file: `file:line:column: what`, with the line itself below. */
export function inputError(
  { file, text }: TextFile,
  at: number,
  what: string,
  options: { fix?: string; detail?: string[] } = {},
): UfrError {
  const { fix, detail = [] } = options
  return new UfrError('UFR-INPUT', `${placeName(file, text, at)}: ${what}`, {
    ...(fix === undefined ? {} : { fix }),
    detail: [...frame(text, at), ...detail],
  })
}

/** The number of the line that a place is in, from 1. */
export function lineNumber({ text }: TextFile, at: number): number {
  return lineOf(text, at).line
}
