import { UfrError } from '../../base/errors.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { taskFolder } from '../program.ts'

/** Where our own server for handlers listens, and AWS's default port of Lambda Web Adapter. */
export const defaultPort = 8080

/** Variables that say something about the invocation: a function that set them would deceive itself. */
const reserved =
  /^(_HANDLER|_X_AMZN_TRACE_ID|AWS_EXECUTION_ENV|AWS_LAMBDA_.*|LAMBDA_(RUNTIME_DIR|TASK_ROOT)|UFR_PORT)$/

const common: Record<string, string> = {
  PATH: '/usr/lib/jvm/jre/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin',
  JAVA_HOME: '/usr/lib/jvm/jre',
  HOME: '/tmp',
  LANG: 'en_US.UTF-8',
  TZ: ':UTC',
}

/**
 * The variables of a function: AWS's for a handler, Lambda Web Adapter's for a web function. What ufr.json says wins.
 * @throws UfrError UFR-CONFIG where it sets one that AWS reserves, or LD_LIBRARY_PATH.
 */
export function environmentOf(
  spec: FunctionSpec,
  handler: string | undefined,
  major: number,
): Record<string, string> {
  const { environment, shape } = spec
  if (environment['LD_LIBRARY_PATH']) {
    throw new UfrError(
      'UFR-CONFIG',
      `The environment of ${spec.name} sets LD_LIBRARY_PATH, with which \`java\` starts itself anew: a unikernel has no second program`,
      {
        fix: 'Name the folder of native libraries by -Djava.library.path in JAVA_TOOL_OPTIONS instead.',
      },
    )
  }
  if (handler !== undefined) return { ...common, ...lambda(spec, handler, major), ...allowed(spec) }
  if (shape !== 'web') return { ...common, ...environment }
  const port = String(spec.port ?? defaultPort)
  return { ...common, PORT: port, SERVER_PORT: port, AWS_LWA_PORT: port, ...environment }
}

function lambda(spec: FunctionSpec, handler: string, major: number): Record<string, string> {
  return {
    _HANDLER: handler,
    LAMBDA_TASK_ROOT: `/${taskFolder}`,
    AWS_EXECUTION_ENV: `AWS_Lambda_java${major}`,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: spec.environment['AWS_REGION'] ?? 'us-east-1',
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMiB),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: '[$LATEST]',
    UFR_PORT: String(defaultPort),
  }
}

function allowed({ name, environment }: FunctionSpec): Record<string, string> {
  const key = Object.keys(environment).find((each) => reserved.test(each))
  if (key === undefined) return environment
  throw new UfrError(
    'UFR-CONFIG',
    `The environment of ${name} sets ${key}, which is reserved, as on AWS Lambda`,
    {
      fix: `Remove ${key} from \`environment\` in ufr.json.`,
    },
  )
}
