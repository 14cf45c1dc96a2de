import type { Language } from '../program.ts'
import { interpretJvm } from './interpret.ts'
import { prepareJvm } from './prepare.ts'

/** Java and Kotlin: a Maven or Gradle project, sources, or jars. */
export const jvm: Language = { name: 'jvm', prepare: prepareJvm, interpret: interpretJvm }
