import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { Tree } from '../../image/tree.ts'
import type { Program } from '../program.ts'
import { runtimeEnvironment } from '../provided/environment.ts'
import { prepareJvm } from './prepare.ts'

/**
 * A program for Java that gets its events from the Runtime API, as AWS's own client does; for AWS such a runtime is
 * nobody's (`provided.al2023`), so any Java that is there will do.
 * @throws UfrError as `prepareJvm`, and UFR-CONFIG for variables that AWS reserves.
 */
export async function prepareOnRuntimeApi(spec: FunctionSpec, progress: Progress): Promise<Program> {
  const { handler: _, ...program } = spec
  const prepared = await prepareJvm({ ...program, runtime: 'java', shape: 'program' }, progress)
  const { JAVA_HOME, PATH } = prepared.environment
  // Not with its libraries' folders, which make `java` start itself anew.
  const environment = { JAVA_HOME: JAVA_HOME!, ...runtimeEnvironment(spec, new Tree()), PATH: PATH! }
  return { ...prepared, environment, callsRuntimeApi: true }
}
