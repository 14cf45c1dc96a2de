import fs from 'node:fs'
import { type ErrorCode, systemCode, UfrError } from './errors.ts'

/**
 * The text of a small file that a person wrote, without its byte order mark; undefined where there is no such file.
 * @throws UfrError with the given code where it is no regular file, cannot be read, is too large or is not UTF-8.
 */
export function readText(file: string, code: ErrorCode, maxBytes = 1 << 20): string | undefined {
  let bytes: Buffer
  try {
    const stat = fs.statSync(file, { throwIfNoEntry: false })
    if (!stat) return undefined
    // Opening a FIFO would wait for somebody to write to it.
    if (!stat.isFile()) throw new UfrError(code, `${file} is not a file`)
    if (stat.size > maxBytes) {
      throw new UfrError(code, `${file} has ${stat.size} bytes, more than the ${maxBytes} allowed`)
    }
    bytes = fs.readFileSync(file)
  } catch (error) {
    if (error instanceof UfrError) throw error
    const why = systemCode(error) === 'EACCES' ? 'permission denied' : (error as Error).message
    throw new UfrError(code, `${file} cannot be read: ${why}`, { cause: error })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    const wide = bytes[0] === 0xff || bytes[0] === 0xfe
    throw new UfrError(code, `${file} is not UTF-8 text${wide ? ' (but probably UTF-16)' : ''}`, {
      cause,
      fix: 'Save the file as UTF-8.',
    })
  }
}
