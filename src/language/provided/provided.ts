import { bootstrapName } from '../../function/detect.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { nativeEnvironment, prepareProgram } from '../native/native.ts'
import type { Language, Program } from '../program.ts'
import { taskTree } from '../root-files.ts'
import { withProgram } from '../source/builder.ts'
import { runtimeEnvironment } from './environment.ts'

/** @throws UfrError as `prepareProgram`, and UFR-CONFIG for variables that AWS reserves. */
export function prepareProvided(spec: FunctionSpec, tree = taskTree(spec)): Program {
  if (spec.shape !== 'handler') return prepareProgram(spec, nativeEnvironment(spec), { tree })
  const program = prepareProgram(spec, runtimeEnvironment(spec, tree), { tree })
  return { ...program, callsRuntimeApi: true }
}

/** Programs that get their events from AWS's Runtime API: what AWS calls an OS-only runtime, `provided.al2023`. */
export const provided: Language = {
  name: 'provided',
  async prepare(spec, progress) {
    const { spec: built, tree } = await withProgram(spec, progress, bootstrapName)
    return prepareProvided(built, tree)
  },
  interpret: async (spec) => prepareProvided(spec),
}
