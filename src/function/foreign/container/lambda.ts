import path from 'node:path'

/** Entrypoints of AWS's base images, and the emulator that they start their clients under outside of Lambda. */
const baseImagePrograms = new Set(['lambda-entrypoint.sh', 'aws-lambda-rie', 'aws-lambda-rie-x86_64'])
/** Runtime interface clients as they are named on a command line: Python, Node.js, Ruby, .NET, Java. */
const clients =
  /^(?:awslambdaric|aws-lambda-ric|aws_lambda_ric|com\.amazonaws\.services\.lambda\.runtime\.api\.client\.AWSLambda)$/

/**
 * Whether a command waits for Lambda's Runtime API, and what in it says so: then it is no server and no program that
 * ends. Only AWS's own names are known; any program could be such a client.
 */
export function lambdaClient(argv: readonly string[]): string | undefined {
  const [program = ''] = argv
  if (baseImagePrograms.has(path.posix.basename(program)) || program === '/var/runtime/bootstrap')
    return program
  return argv.find((word) => clients.test(path.posix.basename(word)))
}

/** The runtime under which ufr gives programs a Runtime API. */
export const lambdaRuntime = 'provided.al2023'

/** What a client of the Runtime API is started by, and the handler that it is told of. */
export interface LambdaStart {
  argv: string[]
  handler?: string
}

/**
 * How an image for Lambda starts where there is a Runtime API: AWS's entrypoint would start an emulator of it or, given
 * one, the base image's bootstrap; what follows it is the handler. Other clients are started as the image says.
 */
export function lambdaStart(argv: readonly string[]): LambdaStart {
  const [program = '', ...words] = argv
  const name = path.posix.basename(program)
  if (name === 'lambda-entrypoint.sh') {
    const [handler] = words
    return { argv: ['/var/runtime/bootstrap'], ...(handler !== undefined && { handler }) }
  }
  if (baseImagePrograms.has(name) && words.length > 0) return lambdaStart(words)
  return { argv: [...argv] }
}

/** Variables that Lambda, and ufr in its place, sets itself: base images have some of them. */
export function withoutReserved(environment: Record<string, string>): Record<string, string> {
  const reserved =
    /^(?:_HANDLER|_X_AMZN_TRACE_ID|AWS_EXECUTION_ENV|AWS_LAMBDA_.*|LAMBDA_RUNTIME_DIR|LAMBDA_TASK_ROOT)$/
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !reserved.test(name)))
}
