import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { definesName, handlerNames, importedModules, opensServer, webApplication } from './source.ts'

/** What a folder of Python files seems to be. */
export interface PythonFunction {
  shape: 'handler' | 'web' | 'program'
  handler?: string
  command?: string
}

const handlerFiles = ['lambda_function', 'app', 'main', 'handler', 'index', 'function']
const folders = ['', 'src/']
const entryFiles = ['server', 'app', 'main', '__main__', 'index', 'wsgi', 'asgi']
const maxFileBytes = 4 * 1024 * 1024
const maxImports = 32

/**
 * Recognises a Python function by its files; undefined where there is none. The first that holds counts:
 * 1. a handler: a file lambda_function, app, main, handler, index or function, at the top or in `src`, that defines
 *    `lambda_handler` or `handler`;
 * 2. the entry: a file server, app, main, __main__, index, wsgi or asgi, or the only Python file at the top. It is a
 *    web function if it, or a file that it imports from the folder, opens a server; a program otherwise.
 * @throws UfrError UFR-DETECT where the entry makes a web application that nothing runs: as a program it would just end.
 */
export function detectPython(folder: string): PythonFunction | undefined {
  for (const name of handlerFiles) {
    for (const below of folders) {
      const text = readInside(folder, `${below}${name}.py`)
      const defined = text && handlerNames.find((each) => definesName(text, each))
      if (defined) return { shape: 'handler', handler: `${below}${name}.${defined}` }
    }
  }
  const command =
    entryFiles.map((name) => `${name}.py`).find((file) => readInside(folder, file) !== undefined) ??
    onlyFile(folder)
  if (command === undefined) return undefined
  if (reachesServer(folder, command)) return { shape: 'web', command }
  const application = webApplication(readInside(folder, command) ?? '')
  if (application) throw noServer(folder, command, application)
  return { shape: 'program', command }
}

function noServer(
  folder: string,
  file: string,
  { variable, framework }: { variable: string; framework: string },
): UfrError {
  const module = file.slice(0, -'.py'.length)
  const port = ['--host', '0.0.0.0', '--port', '8080']
  const [command, args] =
    framework === 'Flask'
      ? ['flask', ['--app', `${module}:${variable}`, 'run', ...port]]
      : ['uvicorn', [`${module}:${variable}`, ...port]]
  const config = JSON.stringify({ runtime: 'python3.13', command, args, port: 8080 })
  const message = `${path.join(folder, file)} makes a ${framework} application, and nothing that runs it`
  return new UfrError('UFR-DETECT', message, {
    fix: `Say in ufr.json which server is to, and name it in requirements.txt: ${config}`,
  })
}

function onlyFile(folder: string): string | undefined {
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.py'))
  return files.length === 1 && readInside(folder, files[0]!) !== undefined ? files[0] : undefined
}

function reachesServer(folder: string, entry: string): boolean {
  const files = new Set([entry])
  for (const file of files) {
    const text = readInside(folder, file)
    if (text === undefined) continue
    if (opensServer(text)) return true
    for (const name of importedModules(text)) {
      const below = name.replace(/^\.+/, '').replaceAll('.', '/')
      if (below === '' || files.size >= maxImports) continue
      for (const each of [`${below}.py`, `${below}/__init__.py`]) files.add(each)
    }
  }
  return false
}

/** The text of a regular file in the folder; undefined for anything else, also what links lead out to. */
function readInside(folder: string, name: string): string | undefined {
  try {
    const root = fs.realpathSync(folder)
    const file = fs.realpathSync(path.join(root, name))
    const stat = fs.statSync(file)
    if (!file.startsWith(root + path.sep) || !stat.isFile() || stat.size > maxFileBytes) return undefined
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
