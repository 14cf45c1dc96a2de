import type { IncomingHttpHeaders } from 'node:http'
import { builtin } from './base.mts'

/** The `context` that a handler gets, as AWS documents it for Node.js. */
export interface Context {
  callbackWaitsForEmptyEventLoop: boolean
  functionName: string | undefined
  functionVersion: string | undefined
  invokedFunctionArn: string | undefined
  memoryLimitInMB: string | undefined
  awsRequestId: string
  logGroupName: string | undefined
  logStreamName: string | undefined
  identity: unknown
  clientContext: unknown
  tenantId: string | undefined
  getRemainingTimeInMillis(): number
  done(error?: unknown, result?: unknown): void
  succeed(result?: unknown): void
  fail(error?: unknown): void
}

/** What AWS's runtime interface emulator takes where nobody says how long a function may run. */
const defaultTimeoutMs = 300_000

/**
 * Makes the context of one invocation from the headers it came with (the Runtime API's) and the environment.
 * @throws SyntaxError where a header that should hold JSON does not.
 */
export function createContext(headers: IncomingHttpHeaders): Context {
  const text = (name: string) => headers[name] as string | undefined
  const { env } = process
  const requestId = text('lambda-runtime-aws-request-id') ?? builtin('node:crypto').randomUUID()
  const arn = text('lambda-runtime-invoked-function-arn') ?? defaultArn(env)
  const nothing = () => {}
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: env['AWS_LAMBDA_FUNCTION_VERSION'],
    invokedFunctionArn: arn,
    memoryLimitInMB: env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    awsRequestId: requestId,
    logGroupName: env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: env['AWS_LAMBDA_LOG_STREAM_NAME'],
    identity: json('Cognito identity', text('lambda-runtime-cognito-identity')),
    clientContext: json('client context', text('lambda-runtime-client-context')),
    tenantId: text('lambda-runtime-aws-tenant-id'),
    getRemainingTimeInMillis: remainingTime(text('ufr-deadline-in-ms'), text('lambda-runtime-deadline-ms')),
    done: nothing,
    succeed: nothing,
    fail: nothing,
  }
}

/**
 * A guest restored from a snapshot has a wall clock that is as old as the snapshot, so a deadline that is told as time
 * left, counted from here on the clock that only ever goes forward, goes before one told as a date.
 */
function remainingTime(left: string | undefined, deadline: string | undefined): () => number {
  if (left === undefined && deadline !== undefined) return () => Number(deadline) - Date.now()
  const end = nowMs() + Number(left ?? defaultTimeoutMs)
  return () => Math.round(end - nowMs())
}

/** `performance.now()`, without what has to be loaded for that. */
function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function defaultArn(env: NodeJS.ProcessEnv): string {
  const region = env['AWS_REGION'] ?? 'us-east-1'
  return `arn:aws:lambda:${region}:000000000000:function:${env['AWS_LAMBDA_FUNCTION_NAME'] ?? 'function'}`
}

function json(name: string, text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new SyntaxError(`the ${name} is no JSON: ${(error as Error).message}`)
  }
}
