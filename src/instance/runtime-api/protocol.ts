/**
 * What is said on AWS's Runtime API, version 2018-06-01. Statuses, bodies and the order of calls as its documentation
 * has them, and where that is silent as AWS's runtime interface emulator does it (internal/lambda/rapi).
 */

/** AWS's limit for a response in one piece: 6 MiB and 100 bytes. */
export const mostResponseBytes = 6 * 1024 * 1024 + 100
/** AWS's limit for a response that is streamed. */
export const mostStreamedBytes = 200 * 1024 * 1024

/** Where a runtime is in its life, by the names that the emulator's messages have. */
export type RuntimeState =
  | 'Started'
  | 'InitError'
  | 'Ready'
  | 'Running'
  | 'InvocationResponse'
  | 'InvocationErrorResponse'
  | 'ResponseSent'

export type Call =
  | { name: 'next' }
  | { name: 'response'; id: string }
  | { name: 'error'; id: string }
  | { name: 'init error' }
  | { name: 'ping' }

interface Route {
  pattern: RegExp
  method: 'GET' | 'POST'
  call(id: string): Call
}

const routes: Route[] = [
  { pattern: /^\/runtime\/invocation\/next$/, method: 'GET', call: () => ({ name: 'next' }) },
  {
    pattern: /^\/runtime\/invocation\/([^/]+)\/response$/,
    method: 'POST',
    call: (id) => ({ name: 'response', id }),
  },
  {
    pattern: /^\/runtime\/invocation\/([^/]+)\/error$/,
    method: 'POST',
    call: (id) => ({ name: 'error', id }),
  },
  { pattern: /^\/runtime\/init\/error$/, method: 'POST', call: () => ({ name: 'init error' }) },
  { pattern: /^\/ping$/, method: 'GET', call: () => ({ name: 'ping' }) },
]
const version = '/2018-06-01'

/** Which call a request is, or with which status it is refused. */
export function callOf(method: string, url: string): Call | 404 | 405 {
  const path = url.split('?', 1)[0]!
  if (!path.startsWith(`${version}/`)) return 404
  for (const route of routes) {
    const match = route.pattern.exec(path.slice(version.length))
    if (match) return route.method === method ? route.call(match[1] ?? '') : 405
  }
  return 404
}

/** An answer of ours to the guest. */
export interface Reply {
  status: number
  body: string
}

export const accepted: Reply = { status: 202, body: JSON.stringify({ status: 'OK' }) }
export const invalidRequestId = refusal(400, 'InvalidRequestID', 'Invalid request ID')
export const invalidMode = refusal(400, 'InvalidFunctionResponseMode', 'Invalid function response mode')
export const truncated = refusal(400, 'TruncatedHTTPRequest', 'HTTP request detected as truncated')
export const tooLarge = refusal(
  413,
  'RequestEntityTooLarge',
  `Exceeded maximum allowed payload size (${mostResponseBytes} bytes).`,
)

export function wrongOrder(from: RuntimeState, to: RuntimeState): Reply {
  const message = `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`
  return refusal(403, 'InvalidStateTransition', message)
}

function refusal(status: number, errorType: string, errorMessage: string): Reply {
  return { status, body: JSON.stringify({ errorMessage, errorType }) }
}

/** A failure of a function, as whoever invoked it gets it. */
export interface FunctionError {
  /** What kind the runtime said it is: `Runtime.…` or `Function.…`. */
  type: string
  /** JSON in Lambda's shape, as the runtime sent it: any bytes. */
  body: Buffer
}

/** A failure that we notice ourselves. */
export function functionError(type: string, errorMessage: string): FunctionError {
  return { type, body: Buffer.from(JSON.stringify({ errorType: type, errorMessage })) }
}

const validType = /^(?:Runtime|Function)\.[A-Z][a-zA-Z]+$/

/** The type in the header Lambda-Runtime-Function-Error-Type, where it is one. */
export function errorTypeOf(header: string | undefined): string {
  if (header !== undefined && validType.test(header)) return header
  return header?.startsWith('Runtime.') ? 'Runtime.Unknown' : 'Function.Unknown'
}

const withCause = 'application/vnd.aws.lambda.error.cause+json'

/** The body of an error report without what is for tracing only. */
export function errorBodyOf(body: Buffer, contentType: string | undefined): Buffer {
  if (contentType !== withCause) return body
  let told: unknown
  try {
    told = JSON.parse(body.toString())
  } catch {
    return Buffer.from('"Invalid error body"')
  }
  const { errorMessage, errorType, stackTrace } = (told ?? {}) as Record<string, unknown>
  try {
    return Buffer.from(JSON.stringify({ errorMessage, errorType, stackTrace }))
  } catch {
    // What can be read can still be nested too deeply to be written.
    return Buffer.from('"Invalid error body"')
  }
}

/** An event for a function, and what is told with it. */
export interface Invocation {
  event: Uint8Array
  requestId: string
  /** Milliseconds since the epoch. */
  deadlineMs: number
  functionArn: string
  contentType?: string | undefined
  /** As X-Ray has it: `Root=…;Parent=…;Sampled=…`. */
  traceId?: string | undefined
  /** JSON. */
  clientContext?: string | undefined
  /** JSON. */
  cognitoIdentity?: string | undefined
  tenantId?: string | undefined
}

/** The headers with which an event is handed out; those without a value are left out. */
export function eventHeaders(invocation: Invocation): Record<string, string> {
  const all = {
    'Lambda-Runtime-Aws-Request-Id': invocation.requestId,
    'Lambda-Runtime-Deadline-Ms': String(invocation.deadlineMs),
    'Lambda-Runtime-Invoked-Function-Arn': invocation.functionArn,
    'Lambda-Runtime-Trace-Id': invocation.traceId,
    'Lambda-Runtime-Client-Context': invocation.clientContext,
    'Lambda-Runtime-Cognito-Identity': invocation.cognitoIdentity,
    'Lambda-Runtime-Aws-Tenant-Id': invocation.tenantId,
    'Content-Type': invocation.contentType || 'application/json',
    'Content-Length': String(invocation.event.length),
  }
  return Object.fromEntries(Object.entries(all).filter((pair): pair is [string, string] => Boolean(pair[1])))
}
