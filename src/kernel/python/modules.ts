import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { homePath } from '../../base/paths.ts'
import { type Runner, runCommand } from '../../base/process.ts'
import { digestOf } from '../../image/digest.ts'
import type { Runtime } from '../runtimes.ts'
import { hostPython } from './host-python.ts'

/** A module to be compiled. */
export interface ModuleSource {
  /** Path in the guest, for tracebacks. */
  name: string
  text: Uint8Array
}

/**
 * Compiles modules one by one; of lines of JSON on standard input each names a source, what it is called, and where the
 * bytecode goes: nothing for a source that cannot be compiled, which whoever imports it is told by the interpreter.
 */
const program = `
import importlib._bootstrap_external as external, json, sys, warnings, _imp
warnings.simplefilter('ignore')
for line in sys.stdin:
    source, name, target = json.loads(line)
    with open(source, 'rb') as file:
        text = file.read()
    try:
        code = compile(text, name, 'exec', dont_inherit=True)
        data = external._code_to_hash_pyc(code, _imp.source_hash(external._RAW_MAGIC_NUMBER, text), False)
    except Exception:
        data = b''
    with open(target, 'wb') as file:
        file.write(data)
`

/**
 * The bytecode of modules, in their order, as unchecked .pyc files (PEP 552); undefined for one that cannot be compiled.
 * What was compiled before comes from UFR_HOME.
 */
export async function compileModules(
  runtime: Pick<Runtime, 'root' | 'program' | 'version'>,
  modules: readonly ModuleSource[],
  run: Runner = runCommand,
): Promise<(Buffer | undefined)[]> {
  const store = homePath('python/compiled', runtime.version)
  const files = modules.map(({ name, text }) => {
    const key = digestOf(name, Buffer.from(text).toString('latin1'))
    return path.join(store, key.slice(0, 2), key)
  })
  const missing = files.flatMap((file, i) => (fs.existsSync(file) ? [] : [i]))
  if (missing.length > 0) {
    await withTemporaryFolder(store, async (folder) => {
      const at = (i: number, ending: string) => path.join(folder, `${i}${ending}`)
      for (const i of missing) fs.writeFileSync(at(i, '.py'), modules[i]!.text)
      const lines = missing.map((i) => JSON.stringify([at(i, '.py'), modules[i]!.name, at(i, '.pyc')]))
      const { command, args, env } = hostPython(runtime)
      await run(command, [...args, '-S', '-c', program], { env, input: `${lines.join('\n')}\n` })
      for (const i of missing) {
        fs.mkdirSync(path.dirname(files[i]!), { recursive: true })
        fs.renameSync(at(i, '.pyc'), files[i]!)
      }
    })
  }
  return files.map((file) => {
    const bytes = fs.readFileSync(file)
    return bytes.length > 0 ? bytes : undefined
  })
}
