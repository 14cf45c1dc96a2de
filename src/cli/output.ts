import { systemCode, UfrError } from '../base/errors.ts'
import { fail } from './outcome.ts'

/**
 * Ends the process when standard output cannot be written any more; guests, locks and downloads end with it. A reader
 * that has seen enough (`ufr image ls X | head -1`) is no failure, a full disk is.
 */
export function outputFailed(error: Error): never {
  if (systemCode(error) === 'EPIPE') process.exit()
  const why = systemCode(error) === 'ENOSPC' ? 'no space is left' : error.message
  process.exit(fail(new UfrError('UFR-OUTPUT', `standard output cannot be written: ${why}`), false))
}
