import { folderTree } from '../../image/folder/folder.ts'
import { ensureNodeRuntime } from '../../kernel/node/node-runtime.ts'
import type { Language } from '../program.ts'
import { nodeLanguage } from './prepare.ts'

/** Node.js functions: handlers as on AWS Lambda, web servers, and programs. */
export const node: Language = nodeLanguage({
  ensureRuntime: ensureNodeRuntime,
  // Loaded only where a function brings many modules.
  compile: async (...args) => (await import('../../kernel/node/compile-modules.ts')).compileModules(...args),
  folderTree,
})
