import path from 'node:path'
import { bootstrapName } from '../../function/detect.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { nativeEnvironment, prepareProgram } from '../native/native.ts'
import type { Language, Program } from '../program.ts'
import { taskTree } from '../root-files.ts'
import { withProgram } from '../source/builder.ts'
import { runtimeEnvironment } from './environment.ts'

/** @throws UfrError as `prepareProgram`, and UFR-CONFIG for variables that AWS reserves. */
export function prepareProvided(spec: FunctionSpec, tree = taskTree(spec), root?: string): Program {
  const parts = { tree, ...(root !== undefined && { root }) }
  if (spec.shape !== 'handler') return prepareProgram(spec, nativeEnvironment(spec), parts)
  const program = prepareProgram(spec, runtimeEnvironment(spec, tree), parts)
  return { ...program, callsRuntimeApi: true }
}

/** Whether a program for the Runtime API is one for Java: `java` with its words, or a jar. */
function isJava({ command = '' }: FunctionSpec): boolean {
  return path.basename(command) === 'java' || command.endsWith('.jar')
}

/** Programs that get their events from AWS's Runtime API: what AWS calls an OS-only runtime, `provided.al2023`. */
export const provided: Language = {
  name: 'provided',
  async prepare(spec, progress) {
    if (spec.shape === 'handler' && isJava(spec)) {
      return (await import('../jvm/runtime-api.ts')).prepareOnRuntimeApi(spec, progress)
    }
    const { spec: built, tree, root } = await withProgram(spec, progress, bootstrapName)
    return prepareProvided(built, tree, root)
  },
  interpret: async (spec) => prepareProvided(spec),
}
