import { UfrError } from '../base/errors.ts'
import type { GuestConsole } from './console.ts'
import { withoutEntryMark } from './entry-mark.ts'
import type { Prepared } from './prepare.ts'
import type { Run } from './run.ts'

const lookedAt = 200

/** Errors of a guest that did start. */
const ofGuests: ReadonlySet<string> = new Set([
  ...['UFR-GUEST-DIED', 'UFR-FUNCTION-EXITED', 'UFR-FUNCTION-TIMEOUT'],
  ...['UFR-BOOT-TIMEOUT', 'UFR-PORT-SILENT', 'UFR-RESPONSE'],
])

/** An error with what its guest's last lines mean, where they say that something was missing (docs/check.md). */
export async function explained(error: unknown, prepared: Prepared, console: GuestConsole): Promise<unknown> {
  if (!(error instanceof UfrError) || !ofGuests.has(error.code)) return error
  const found = await explain(prepared, console.tail(lookedAt))
  if (!found) return error
  const { code, message, detail } = error
  return new UfrError(code, message, {
    cause: error,
    fix: found.fix,
    detail: [...detail, ...found.sentences],
  })
}

/** Notes of the same for a run that came to its end, but not to a good one. */
export async function hintsFor({ prepared, instance, note }: Omit<Run, 'phases'>, said = ''): Promise<void> {
  const lines = [...instance.console.tail(lookedAt), ...said.split('\n')]
  const found = await explain(prepared, lines)
  if (found) note(`${found.sentences.map((each) => `${each}.`).join(' ')} ${found.fix}`)
}

/** Why a run failed is worth a look into the program, and the look is worth no second failure. */
async function explain({ program, unikernel }: Prepared, lines: string[]) {
  const { lacksOf } = await import('../check/console.ts')
  if (lacksOf(lines).length === 0) return undefined
  const { explainLines } = await import('../check/after.ts')
  try {
    return explainLines(lines, withoutEntryMark(program), unikernel.name, unikernel.kernel.version)
  } catch (error) {
    if (error instanceof UfrError) return undefined
    throw error
  }
}
