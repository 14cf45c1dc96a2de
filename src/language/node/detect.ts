import fs from 'node:fs'
import path from 'node:path'
import { opensServer } from '../../function/javascript.ts'
import { exportsName, localImports } from './source.ts'

/** What a folder of JavaScript files seems to be. */
export interface NodeFunction {
  shape: 'handler' | 'web' | 'program'
  handler?: string
  command?: string
}

const endings = ['.mjs', '.js', '.cjs']
const handlerFiles = ['index', 'app', 'main', 'handler', 'src/index', 'src/app', 'src/main', 'src/handler']
const entryFiles = ['server', 'index', 'app', 'main']
const frameworks = new Set(
  '@hapi/hapi @hono/node-server @nestjs/core express fastify h3 hono koa next polka restify'.split(' '),
)
const maxFileBytes = 16 * 1024 * 1024
const maxImports = 32

interface Package {
  main?: unknown
  scripts?: { start?: unknown }
  dependencies?: object
}

/**
 * Recognises a Node.js function by its files; undefined where there is none. The first that holds counts:
 * 1. a handler: a file index, app, main or handler, at the top or in `src`, that exports `handler`. It goes before
 *    servers because files that can be both (a server for development, exported for AWS Lambda) are there to be deployed;
 * 2. the entry: the file of package.json's `scripts.start` where that is plain `node FILE`, its `main`, a file server,
 *    index, app or main, or the only JavaScript file at the top. It is a web function if it, or a file that it imports
 *    from the folder, opens a server, or package.json depends on a web framework;
 * 3. a program otherwise.
 */
export function detectNode(folder: string): NodeFunction | undefined {
  const exporting = firstFile(folder, handlerFiles, (text) => exportsName(text, 'handler'))
  if (exporting !== undefined) {
    return { shape: 'handler', handler: `${exporting.slice(0, -path.extname(exporting).length)}.handler` }
  }
  const description = readPackage(folder)
  const command = findEntry(folder, description)
  if (command === undefined) return undefined
  const isWeb = Object.keys(description.dependencies ?? {}).some((name) => frameworks.has(name))
  return { shape: isWeb || reachesServer(folder, command) ? 'web' : 'program', command }
}

function findEntry(folder: string, { main, scripts }: Package): string | undefined {
  const start =
    typeof scripts?.start === 'string' ? /^\s*node\s+([\w./@-]+)\s*$/.exec(scripts.start)?.[1] : undefined
  for (const said of [start, main]) {
    if (typeof said !== 'string' || said.startsWith('-')) continue
    const file = ['', '.js', '/index.js'].map((ending) => path.posix.normalize(`${said}${ending}`))
    const found = file.find((each) => readInside(folder, each) !== undefined)
    if (found !== undefined) return found
  }
  return firstFile(folder, entryFiles, () => true) ?? onlyFile(folder)
}

function firstFile(folder: string, names: string[], fits: (text: string) => boolean): string | undefined {
  for (const name of names) {
    for (const ending of endings) {
      const text = readInside(folder, name + ending)
      if (text !== undefined && fits(text)) return name + ending
    }
  }
  return undefined
}

function onlyFile(folder: string): string | undefined {
  const files = fs.readdirSync(folder).filter((name) => endings.includes(path.extname(name)))
  return files.length === 1 && readInside(folder, files[0]!) !== undefined ? files[0] : undefined
}

function reachesServer(folder: string, entry: string): boolean {
  const files = new Set([entry])
  for (const file of files) {
    const text = readInside(folder, file)
    if (text === undefined) continue
    if (opensServer(text)) return true
    for (const imported of localImports(text)) {
      const found = path.posix.join(path.posix.dirname(file), imported)
      // As CommonJS has it, the ending may be left out.
      if (files.size < maxImports) for (const ending of ['', '.js', '/index.js']) files.add(found + ending)
    }
  }
  return false
}

function readPackage(folder: string): Package {
  try {
    const value: unknown = JSON.parse(readInside(folder, 'package.json') ?? '{}')
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    // Node itself will say what is wrong with it.
    return {}
  }
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
