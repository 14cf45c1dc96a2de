import { UfrError } from '../base/errors.ts'
import type { FunctionSpec } from '../function/spec.ts'
import { taskFolder } from './program.ts'

/** AWS's default port of Lambda Web Adapter, and where our own server for handlers listens. */
export const defaultPort = 8080

/**
 * AWS's reserved variables, as far as they say something about the invocation. Region and credentials are reserved on
 * AWS, too, because it gives them to the function; here that is up to whoever writes ufr.json.
 */
const reserved = new Set([
  '_HANDLER',
  '_X_AMZN_TRACE_ID',
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_RUNTIME_API',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
  'UFR_PORT',
])

/** What every guest with a language runtime has; nothing of it depends on the host, so that the same inputs give the same image. */
const common: Record<string, string> = {
  PATH: '/usr/local/bin:/usr/bin:/bin:/opt/bin',
  HOME: '/tmp',
  LANG: 'en_US.UTF-8',
  TZ: ':UTC',
}

/** What a language adds to a function's environment. */
export interface LanguageEnvironment {
  /** As AWS names it in AWS_EXECUTION_ENV: `nodejs24.x`. */
  identifier: string
  /** The language's own variables for a handler: where it looks for layers. */
  handler?: Record<string, string>
}

/**
 * The variables of a function: AWS's for a handler, Lambda Web Adapter's for a web function. What ufr.json says wins.
 * @throws UfrError UFR-CONFIG where a handler's own variables have a name that AWS reserves.
 */
export function environmentOf(
  spec: FunctionSpec,
  handler: string | undefined,
  language: LanguageEnvironment,
): Record<string, string> {
  if (handler !== undefined) return { ...common, ...lambda(spec, handler, language), ...allowed(spec) }
  if (spec.shape !== 'web') return { ...common, ...spec.environment }
  const port = String(spec.port ?? defaultPort)
  return { ...common, PORT: port, AWS_LWA_PORT: port, ...spec.environment }
}

function lambda(
  spec: FunctionSpec,
  handler: string,
  { identifier, handler: own }: LanguageEnvironment,
): Record<string, string> {
  return {
    _HANDLER: handler,
    LAMBDA_TASK_ROOT: `/${taskFolder}`,
    AWS_EXECUTION_ENV: `AWS_Lambda_${identifier}`,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: spec.environment['AWS_REGION'] ?? 'us-east-1',
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMiB),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: '[$LATEST]',
    ...own,
    UFR_PORT: String(defaultPort),
  }
}

function allowed(spec: FunctionSpec): Record<string, string> {
  const key = Object.keys(spec.environment).find((name) => reserved.has(name))
  if (key === undefined) return spec.environment
  throw new UfrError(
    'UFR-CONFIG',
    `The environment of ${spec.name} sets ${key}, which is reserved, as on AWS Lambda`,
    {
      fix: `Remove ${key} from \`environment\` in ufr.json.`,
    },
  )
}
