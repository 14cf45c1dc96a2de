import { UfrError } from '../../base/errors.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { environmentOf as commonEnvironment } from '../environment.ts'

const home = '/usr/lib/jvm/jre'
const searchPath = `${home}/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin`

/**
 * The variables of a function, as every language has them, and what Java's programs look for: JAVA_HOME, and for a web
 * function Spring Boot's SERVER_PORT.
 * @throws UfrError UFR-CONFIG where it sets one that AWS reserves, or LD_LIBRARY_PATH.
 */
export function environmentOf(
  spec: FunctionSpec,
  handler: string | undefined,
  major: number,
): Record<string, string> {
  if (spec.environment['LD_LIBRARY_PATH']) {
    throw new UfrError(
      'UFR-CONFIG',
      `The environment of ${spec.name} sets LD_LIBRARY_PATH, with which \`java\` starts itself anew: a unikernel has no second program`,
      {
        fix: 'Name the folder of native libraries by -Djava.library.path in JAVA_TOOL_OPTIONS instead.',
      },
    )
  }
  const all = commonEnvironment(spec, handler, { identifier: `java${major}` })
  const port = all['AWS_LWA_PORT']
  return {
    JAVA_HOME: home,
    ...(port !== undefined && { SERVER_PORT: port }),
    ...all,
    PATH: spec.environment['PATH'] ?? searchPath,
  }
}
