import { UfrError } from '../../base/errors.ts'
import { nearest } from '../../base/nearest.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { contentBytes } from '../../image/content.ts'
import type { Tree } from '../../image/tree.ts'
import { definesName, handlerNames } from './source.ts'

const maxSearched = 200
const maxBytes = 256 * 1024

/**
 * Checks that the module which a handler names is among the function's files, by AWS's rules. What the module defines
 * only the guest can say.
 * @param installed whether there are packages besides, in which the module may be.
 * @throws UfrError UFR-CONFIG for a handler of a wrong form, UFR-HANDLER where there is no such module.
 */
export function checkHandler(spec: FunctionSpec, task: Tree, installed: boolean): string {
  const handler = spec.handler ?? 'lambda_function.lambda_handler'
  const match = /^([^.]+(?:\.[^.]+)*)\.([^./]+)$/.exec(handler)
  if (!match) {
    throw new UfrError(
      'UFR-CONFIG',
      `The handler ${JSON.stringify(handler)} of ${spec.name} is not of the form module.function`,
      {
        fix: 'Write it as in "lambda_function.lambda_handler" or "src/app.handler": the file without .py, a dot, the function.',
      },
    )
  }
  const [, module = '', name = ''] = match
  const at = module.replaceAll('.', '/')
  if (isModule(task, at)) return handler
  if (installed && !task.has(at.split('/')[0]!)) return handler
  throw missingModule(spec, task, at, name)
}

function isModule(task: Tree, at: string): boolean {
  const files = [
    `${at}.py`,
    `${at}.pyc`,
    `${at}.so`,
    `${at}.abi3.so`,
    `${at}/__init__.py`,
    `${at}/__init__.pyc`,
  ]
  if (files.some((file) => task.has(file))) return true
  // Machine code, named for the version of Python that it is for.
  return task.sorted().some(([file]) => file.startsWith(`${at}.cpython-`) && file.endsWith('.so'))
}

function missingModule(spec: FunctionSpec, task: Tree, at: string, name: string): UfrError {
  const { all, handlers } = search(task, name)
  const detail = [`looked for: ${at}.py, ${at}/__init__.py`]
  if (all.length > 0)
    detail.push(`Python files there: ${all.slice(0, 8).join(', ')}${all.length > 8 ? ', …' : ''}`)
  const meant =
    handlers.find((each) => each.startsWith(`${nearest(at, all.map(withoutEnding))}.`)) ?? handlers[0]
  const message = `The handler ${spec.handler} of ${spec.name} does not exist: there is no file ${at}.py`
  const fix = meant && `Did you mean "handler": ${JSON.stringify(meant)} in ufr.json?`
  return new UfrError('UFR-HANDLER', message, { detail, ...(fix ? { fix } : {}) })
}

function withoutEnding(file: string): string {
  return file.replace(/\.py$/, '')
}

/** The function's own Python files, and the handlers that may be meant: files that define the name. */
function search(task: Tree, name: string): { all: string[]; handlers: string[] } {
  const all: string[] = []
  const handlers: string[] = []
  for (const [file, entry] of task.sorted()) {
    if (entry.kind !== 'file' || !file.endsWith('.py') || file.split('/').length > 3) continue
    all.push(file)
    if (all.length > maxSearched || entry.content.size > maxBytes) continue
    const text = contentBytes(entry.content).toString()
    const found = [name, ...handlerNames].find((each) => definesName(text, each))
    if (found !== undefined) handlers.push(`${withoutEnding(file)}.${found}`)
  }
  return { all, handlers }
}
