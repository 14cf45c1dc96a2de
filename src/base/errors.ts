import { type ErrorCode, errorTable } from './error-table.ts'

export type { ErrorCode } from './error-table.ts'

export interface UfrErrorOptions {
  /** What to do next, when it is more exact than the table's general advice. */
  fix?: string
  /** The error underneath, if there is one. */
  cause?: unknown
  /** Further lines a person wants to see, such as the guest's last console lines. */
  detail?: string[]
}

/**
 * Every failure that ufr can name. `code` is stable (see docs/errors.md), `message` says what happened in this
 * case, `fix` what to do next.
 */
export class UfrError extends Error {
  readonly code: ErrorCode
  readonly fix: string
  readonly detail: string[]

  constructor(code: ErrorCode, message: string, options: UfrErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'UfrError'
    this.code = code
    this.fix = options.fix ?? errorTable[code].fix
    this.detail = options.detail ?? []
  }

  /** The exit status of the `ufr` command for this error: 1 to 5, see docs/errors.md. */
  get exitStatus(): number {
    return errorTable[this.code].status
  }

  toJSON(): { code: ErrorCode; message: string; fix: string; detail: string[] } {
    return { code: this.code, message: this.message, fix: this.fix, detail: this.detail }
  }
}

/** The `code` of a Node.js system error (ENOENT, EEXIST, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
