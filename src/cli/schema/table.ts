import { benchBootSchema, benchCompareSchema } from './bench.ts'
import { buildSchema } from './build.ts'
import { checkSchema } from './check.ts'
import { errorSchema } from './error.ts'
import { doctorSchema, explainSchema } from './host.ts'
import {
  imageExplainSchemas,
  imageExtractSchema,
  imageInspectSchema,
  imageLsSchema,
  imageRemovedSchema,
} from './image.ts'
import { initSchema } from './init.ts'
import { kernelAddedSchema, kernelLsSchema } from './kernel.ts'
import { removedSchema } from './removed.ts'
import { runSchema } from './run.ts'
import { runtimeLsSchema, runtimePullSchema } from './runtime.ts'
import { vmmAddedSchema, vmmLsSchema } from './vmm.ts'

/**
 * What each command prints with --json, by the words of the command; published as docs/schema/WORDS.schema.json. For
 * documentation, tests and the types of the commands: no command loads a schema.
 */
export const commandSchemas = {
  run: runSchema,
  build: buildSchema,
  check: checkSchema,
  init: initSchema,
  'image ls': imageLsSchema,
  'image inspect': imageInspectSchema,
  'image extract': imageExtractSchema,
  'image rm': imageRemovedSchema,
  'image explain': imageExplainSchemas,
  'kernel ls': kernelLsSchema,
  'kernel pull': kernelAddedSchema,
  'kernel import': kernelAddedSchema,
  'kernel build': kernelAddedSchema,
  'kernel rm': removedSchema,
  'vmm ls': vmmLsSchema,
  'vmm pull': vmmAddedSchema,
  'vmm import': vmmAddedSchema,
  'vmm build': vmmAddedSchema,
  'vmm rm': removedSchema,
  'runtime ls': runtimeLsSchema,
  'runtime pull': runtimePullSchema,
  'runtime rm': removedSchema,
  'bench boot': benchBootSchema,
  'bench compare': benchCompareSchema,
  doctor: doctorSchema,
  explain: explainSchema,
} as const

/** The published schemas by file name. */
export function schemaFiles(): Record<string, object> {
  const files = Object.entries(commandSchemas).map(([words, schema]) => [
    `${words.replaceAll(' ', '-')}.schema.json`,
    schema,
  ])
  return { ...Object.fromEntries(files), 'error.schema.json': errorSchema }
}
