import { builtin, fs } from './base.mts'
import { runtimeError } from './errors.mts'

/** A handler of any form: what it takes and returns is found out by calling it. */
export type Handler = (this: unknown, ...args: unknown[]) => unknown

const path = builtin('node:path')

/**
 * Finds and loads what a handler string such as `src/app.api.handler` names: the function `api.handler` of the module
 * `app` in the folder `src`.
 * @throws Error of AWS's types Runtime.MalformedHandlerName, Runtime.ImportModuleError, Runtime.UserCodeSyntaxError or
 * Runtime.HandlerNotFound, or whatever the module throws while it loads. Where AWS passes on an ES module's failed
 * import as a plain `Error`, this is a Runtime.ImportModuleError as with CommonJS.
 */
export async function loadHandler(root: string, name: string): Promise<Handler> {
  const match = /^(.*\/)?([^./]+)\.([^/]+)$/.exec(name)
  if (!match || name.includes('..')) {
    throw runtimeError(
      'MalformedHandlerName',
      `"${name}" is not a handler: it has to be [folder/]file.export`,
    )
  }
  const [, folder = '', file = '', exported = ''] = match
  const loaded = await loadModule(root, folder, file)
  let found: unknown = loaded
  for (const key of exported.split('.')) found = (found as Record<string, unknown> | null | undefined)?.[key]
  if (typeof found === 'function') return found as Handler
  const names = Object.keys(loaded ?? {}).join(', ') || 'nothing'
  const problem =
    found === undefined ? 'does not exist' : `is no function but ${found === null ? null : typeof found}`
  throw runtimeError('HandlerNotFound', `${name} ${problem}: the module exports ${names}`)
}

async function loadModule(root: string, folder: string, file: string): Promise<object | null | undefined> {
  const base = path.resolve(root, folder, file)
  const require = builtin('node:module').createRequire(`${root}/`)
  try {
    // AWS's order. What is not beside the other files may be a package of the function or of a layer.
    if (isFile(base)) return require(base)
    if (isFile(`${base}.js`)) {
      return isModulePackage(path.dirname(base))
        ? await imported(`${base}.js`)
        : await required(require, `${base}.js`)
    }
    if (isFile(`${base}.mjs`)) return await imported(`${base}.mjs`)
    if (isFile(`${base}.cjs`)) return require(`${base}.cjs`)
    return require(require.resolve(file, { paths: [root, path.resolve(root, folder)] }))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException | null | undefined)?.code
    if (error instanceof SyntaxError) throw runtimeError('UserCodeSyntaxError', { cause: error })
    if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') {
      throw runtimeError('ImportModuleError', { cause: error })
    }
    throw error
  }
}

function imported(file: string): Promise<object> {
  return import(builtin('node:url').pathToFileURL(file).href)
}

/** A `.js` file that turns out to be an ES module is taken as one, as by `node` itself, where `require` cannot load it. */
async function required(require: NodeJS.Require, file: string): Promise<object> {
  try {
    return require(file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException | null | undefined)?.code
    if (code !== 'ERR_REQUIRE_ASYNC_MODULE' && code !== 'ERR_REQUIRE_ESM') throw error
    return await imported(file)
  }
}

/** Whether the nearest package.json says that `.js` files are ES modules. */
function isModulePackage(folder: string): boolean {
  if (path.basename(folder) === 'node_modules') return false
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))?.type === 'module'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return false
  }
  const parent = path.dirname(folder)
  return parent !== folder && isModulePackage(parent)
}

function isFile(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false
}
