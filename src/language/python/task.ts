import { bytesContent, contentBytes } from '../../image/content.ts'
import { Tree } from '../../image/tree.ts'
import type { ModuleSource } from '../../kernel/python/modules.ts'
import { taskFolder } from '../program.ts'

/** From here on a function's own modules are compiled before they go into the image: see `withBytecode`. */
const worthCompiling = 64 * 1024

/**
 * A function's files without what is only for the host: virtual environments, whose interpreter and packages are the
 * host's, and bytecode, which the host's Python made.
 */
export function pythonTask(files: Tree): Tree {
  const environments: string[] = []
  for (const [path, entry] of files.sorted()) {
    if (entry.kind === 'file' && path.endsWith('/pyvenv.cfg'))
      environments.push(path.slice(0, -'pyvenv.cfg'.length))
  }
  const task = new Tree()
  for (const [path, entry] of files.sorted()) {
    if (/(^|\/)__pycache__(\/|$)/.test(path)) continue
    if (environments.some((folder) => `${path}/`.startsWith(folder))) continue
    task.set(path, entry)
  }
  return task
}

/** Compiles modules for the guest, in their order. */
export type Compile = (modules: readonly ModuleSource[]) => Promise<(Uint8Array | undefined)[]>

/**
 * Adds bytecode to a function that brings many modules, such as packages in its folder: compiling them at each start
 * takes longer than all else. A function of its own few files goes without: the first build after each change would
 * take longer by more than the start gains.
 * @param version of Python: `3.13`.
 */
export async function withBytecode(task: Tree, version: string, compile: Compile): Promise<Tree> {
  const sources = task.sorted().flatMap(([path, entry]) => {
    return entry.kind === 'file' && path.endsWith('.py') ? [{ path, content: entry.content }] : []
  })
  const bytes = sources.reduce((sum, { content }) => sum + content.size, 0)
  if (bytes < worthCompiling) return task
  const compiled = await compile(
    sources.map(({ path, content }) => ({ name: `/${taskFolder}/${path}`, text: contentBytes(content) })),
  )
  const whole = new Tree().merge(task)
  for (const [i, { path }] of sources.entries()) {
    const bytecode = compiled[i]
    if (!bytecode) continue
    const slash = path.lastIndexOf('/') + 1
    const name = `${path.slice(slash, -'.py'.length)}.cpython-${version.replace('.', '')}.pyc`
    whole.file(`${path.slice(0, slash)}__pycache__/${name}`, bytesContent(bytecode))
  }
  return whole
}
