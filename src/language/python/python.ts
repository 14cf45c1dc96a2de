import { folderTree } from '../../image/folder/folder.ts'
import { ensurePythonRuntime } from '../../kernel/python/python-runtime.ts'
import type { Language } from '../program.ts'
import { pythonLanguage } from './prepare.ts'

/** Python functions: handlers as on AWS Lambda, web servers, and programs. */
export const python: Language = pythonLanguage({
  ensureRuntime: ensurePythonRuntime,
  // Loaded only where a function has requirements, or something has to be compiled.
  install: async (...args) =>
    (await import('../../kernel/python/requirements.ts')).installRequirements(...args),
  compile: (runtime) => async (modules) =>
    (await import('../../kernel/python/modules.ts')).compileModules(runtime, modules),
  folderTree,
})
