/** How AWS's Node.js runtime reports a failure to whoever invoked the function. */
export interface ErrorReport {
  errorType: string
  errorMessage: string
  trace: string[]
}

/** The types that AWS's runtime gives to failures that it notices itself; all begin with `Runtime.`. */
export type RuntimeErrorType =
  | 'ExitError'
  | 'HandlerNotFound'
  | 'ImportModuleError'
  | 'InvalidStreamingOperation'
  | 'MalformedHandlerName'
  | 'MalformedStreamingHandler'
  | 'NodeJsExit'
  | 'UnhandledPromiseRejection'
  | 'UserCodeSyntaxError'

/** An error of one of AWS's own types. With a cause, it says what the cause says, and its trace goes on with the cause's. */
export function runtimeError(type: RuntimeErrorType, what: string | { cause: unknown }): Error {
  const error = new Error(typeof what === 'string' ? what : String(what.cause))
  error.name = `Runtime.${type}`
  const head = `${error.name}: ${error.message}`
  if (typeof what === 'string') error.stack = error.stack?.replace(/^Error: .*$/m, () => head) ?? head
  else error.stack = isErrorLike(what.cause) ? `${head}\n${what.cause.stack}` : head
  return error
}

/** Turns whatever was thrown into a report, and never throws itself: getters of a thrown object may. */
export function errorReport(error: unknown): ErrorReport {
  try {
    if (isErrorLike(error)) {
      return { errorType: error.name, errorMessage: error.message, trace: error.stack.split('\n') }
    }
    return { errorType: error === null ? 'null' : typeof error, errorMessage: String(error), trace: [] }
  } catch (failure) {
    const errorMessage = `what was thrown cannot be shown: ${failure instanceof Error ? failure.message : 'it throws'}`
    return { errorType: 'handled', errorMessage, trace: [] }
  }
}

/** Errors of other realms and of libraries that make their own are errors too, so the shape decides. */
function isErrorLike(error: unknown): error is { name: string; message: string; stack: string } {
  if (typeof error !== 'object' || error === null) return false
  const { name, message, stack } = error as Record<string, unknown>
  return typeof name === 'string' && typeof message === 'string' && typeof stack === 'string'
}

/** Writes a failure to the function's log: one line, as on AWS. */
export function logFailure(requestId: string | undefined, what: string, report: ErrorReport): void {
  const { errorType, errorMessage, trace: stack } = report
  console.error(`${requestId ?? ''}\tERROR\t${what}\t${JSON.stringify({ errorType, errorMessage, stack })}`)
}
