import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { type FileView, resolveFile, resolvePath, treeView } from '../../image/closure/file-view.ts'
import { contentBytes } from '../../image/content.ts'
import type { Tree } from '../../image/tree.ts'
import { taskFolder } from '../program.ts'
import { exportsName } from './source.ts'

/** In the order in which AWS's runtime tries them; which of them it then takes depends on package.json. */
const endings = ['', '.js', '.mjs', '.cjs']
const maxSearched = 200
const maxBytes = 256 * 1024

/**
 * Checks that the module which a handler names is among the function's files, by AWS's rules. What the module exports
 * only the guest can say.
 * @throws UfrError UFR-CONFIG for a handler of a wrong form, UFR-HANDLER where there is no such module.
 */
export function checkHandler(spec: FunctionSpec, task: Tree): string {
  const handler = spec.handler ?? 'index.handler'
  const match = /^(.*\/)?([^./]+)\.([^/]+)$/.exec(handler)
  if (!match || handler.includes('..')) {
    throw new UfrError(
      'UFR-CONFIG',
      `The handler ${JSON.stringify(handler)} of ${spec.name} is not of the form file.export`,
      {
        fix: 'Write it as in "index.handler" or "src/app.handler": the file without its ending, a dot, what it exports.',
      },
    )
  }
  const [, folder = '', file = '', exported = ''] = match
  const inside = path.posix.resolve(`/${taskFolder}`, folder)
  // What is elsewhere in the guest, such as a layer in /opt, is no file of the function.
  if (inside !== `/${taskFolder}` && !inside.startsWith(`/${taskFolder}/`)) return handler
  const view = treeView(task)
  const at = inside.slice(taskFolder.length + 1)
  const found =
    endings.some((ending) => resolveFile(view, `${at}/${file}${ending}`)) || isPackage(view, at, file)
  if (!found) throw missingModule(spec, task, `${at}/${file}`.slice(1), exported)
  return handler
}

/** Node.js finds packages in node_modules of the folder and of those above it, and modules that are folders. */
function isPackage(view: FileView, at: string, name: string): boolean {
  const folders = at.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'))
  return (
    folders.some((folder) => resolvePath(view, `${folder}/node_modules/${name}`) !== undefined) ||
    ['index.js', 'package.json'].some((file) => resolveFile(view, `/${name}/${file}`))
  )
}

function missingModule(spec: FunctionSpec, task: Tree, module: string, exported: string): UfrError {
  const looked = endings.slice(1).map((ending) => module + ending)
  const source = ['.ts', '.mts', '.cts'].map((ending) => module + ending).find((file) => task.has(file))
  const { all, handlers } = search(task, exported.split('.', 1)[0]!)
  const detail = [`looked for: ${looked.join(', ')}`]
  if (all.length > 0)
    detail.push(`JavaScript files there: ${all.slice(0, 8).join(', ')}${all.length > 8 ? ', …' : ''}`)
  const message = `The handler ${spec.handler} of ${spec.name} does not exist: there is no file ${module} with the ending .js, .mjs or .cjs`
  return new UfrError('UFR-HANDLER', message, { detail, ...fixFor(source, handlers[0]) })
}

function fixFor(source: string | undefined, handler: string | undefined): { fix?: string } {
  if (source !== undefined)
    return { fix: `Compile ${source} to JavaScript first: handlers are loaded as on AWS Lambda.` }
  if (handler !== undefined) return { fix: `Did you mean "handler": ${JSON.stringify(handler)} in ufr.json?` }
  return {}
}

/** The function's own JavaScript files, and the handlers that may be meant: files that export the name. */
function search(task: Tree, name: string): { all: string[]; handlers: string[] } {
  const all: string[] = []
  const handlers: string[] = []
  for (const [file, entry] of task.sorted()) {
    if (entry.kind !== 'file' || /(^|\/)node_modules\//.test(file) || !/\.[cm]?js$/.test(file)) continue
    all.push(file)
    if (all.length > maxSearched || entry.content.size > maxBytes) continue
    const text = contentBytes(entry.content).toString()
    const found = [name, 'handler'].find((each) => exportsName(text, each))
    if (found !== undefined) handlers.push(`${file.replace(/\.[cm]?js$/, '')}.${found}`)
  }
  return { all, handlers }
}
