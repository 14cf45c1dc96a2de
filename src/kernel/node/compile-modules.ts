import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic, removeFolderAtomic } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { folderNames, homePath } from '../../base/paths.ts'
import { type Runner, runCommand } from '../../base/process.ts'
import { digestOf } from '../../image/digest.ts'
import type { Runtime } from '../runtimes.ts'
import { hostNode } from './host-node.ts'

/** A module to be compiled, or a package.json, which says what the `.js` files below it are. */
export interface ModuleSource {
  /** Absolute path in the guest: Node.js finds what it compiled by that. */
  name: string
  /** File of the host, or the text itself. */
  source: { file: string } | { text: string }
}

/** Node.js's compile cache for some modules. */
export interface CompiledModules {
  /** The name that its folder has to have: version, architecture, V8's version and flags, user. */
  tag: string
  /** What is in that folder. */
  files: { name: string; file: string; bytes: number }[]
}

/** Raise it when what is made here changes without its inputs changing. */
const formatVersion = 'node-compiled-1'
/** Guests run as root; who builds images may be anybody. */
const guestUser = 0
const limitMs = 120_000
const unusedMs = 30 * 24 * 3600_000

/**
 * Compiles modules as Node.js's loaders do when nothing is in the cache, and runs none of them: Node.js writes what
 * was compiled when it ends. It is told the cache's folder, and on standard input `ModuleSource`s, a line of JSON each.
 * A module that cannot be compiled is left out: whoever loads it is told why.
 *
 * Node.js has no public way to that. A version in which these parts of it are not there, or are called in another way,
 * ends with an error or an empty cache, and images are built without one.
 */
const program = `
const { internalBinding } = require('internal/test/binding')
const { compileFunctionForCJSLoader } = internalBinding('contextify')
const { ModuleWrap } = internalBinding('module_wrap')
const { source_text_module_default_hdo } = internalBinding('symbols')
const fs = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')
const textOf = ({ text, file }) => text ?? fs.readFileSync(file, 'utf8')
const types = new Map()
const modules = []
for (const line of fs.readFileSync(0, 'utf8').split('\\n').filter(Boolean)) {
  const { name, source } = JSON.parse(line)
  if (path.basename(name) !== 'package.json') modules.push({ name, source })
  else {
    try {
      types.set(path.dirname(name), JSON.parse(textOf(source)).type ?? 'none')
    } catch {}
  }
}
function typeOf(folder) {
  if (types.has(folder)) return types.get(folder)
  const top = path.basename(folder) === 'node_modules' || folder === '/'
  const type = top ? 'none' : typeOf(path.dirname(folder))
  types.set(folder, type)
  return type
}
function kindOf(name) {
  if (name.endsWith('.mjs')) return 'module'
  return name.endsWith('.cjs') ? 'commonjs' : typeOf(path.dirname(name))
}
require('node:module').enableCompileCache(process.argv[1])
for (const { name, source } of modules) {
  try {
    const text = textOf(source)
    const kind = kindOf(name)
    let isModule = kind === 'module'
    if (!isModule) {
      const { canParseAsESM } = compileFunctionForCJSLoader(text, name, false, kind === 'none')
      isModule = kind === 'none' && canParseAsESM
    }
    if (isModule) new ModuleWrap(pathToFileURL(name).href, undefined, text, 0, 0, source_text_module_default_hdo)
  } catch {}
}
`

/**
 * Fixed seeds, and no threads of V8's own: the same modules in the same order make the same bytes on every host. V8
 * does not count these among the flags that have to be the same where it takes what was compiled.
 */
const flags = ['--random-seed=1', '--predictable', '--expose-internals', '--no-warnings']

/**
 * What Node.js finds in its compile cache for some modules, made at once; what was made before comes from UFR_HOME.
 * Nothing of them runs. A module that changed without its size and times doing so is no danger: Node.js compares texts.
 * @throws UfrError UFR-COMMAND where the runtime's Node.js cannot make it.
 */
export async function compileModules(
  runtime: Pick<Runtime, 'root' | 'key'>,
  modules: readonly ModuleSource[],
  run: Runner = runCommand,
): Promise<CompiledModules> {
  const key = digestOf(formatVersion, program, runtime.key, ...modules.flatMap(identityOf))
  const store = homePath('compiled', 'node')
  const folder = path.join(store, key)
  const known = readCompiled(folder)
  if (known) return known
  await createFolderAtomic(folder, async (made) => {
    const { command, args, env } = hostNode(runtime)
    await run(command, [...args, ...flags, '-e', program, made], {
      env,
      input: modules.map((each) => `${JSON.stringify(each)}\n`).join(''),
      timeout: limitMs,
      cwd: made,
    })
    settle(made)
  })
  dropUnused(store)
  const whole = readCompiled(folder)
  if (whole) return whole
  throw nothingMade()
}

/** By size and times, for reading all of a large folder of packages takes longer than the rest of a build. */
function identityOf({ name, source }: ModuleSource): string[] {
  if ('text' in source) return [name, source.text]
  const { size, mtimeMs, ctimeMs, ino } = fs.statSync(source.file)
  return [name, `${size} ${mtimeMs} ${ctimeMs} ${ino}`]
}

/** Beside Node.js's own folder: what is in that. To ask the file system again for thousands of files takes longer. */
const indexName = 'index.json'

interface Index {
  tag: string
  files: { name: string; bytes: number }[]
}

/** Gives the folder that Node.js has made the name that it looks for in a guest: the user is part of it. */
function settle(made: string): void {
  const [tag, ...more] = folderNames(made)
  if (tag === undefined || more.length > 0 || !/^v[\w.-]{1,200}-\d+$/.test(tag)) throw nothingMade()
  const inGuest = tag.replace(/\d+$/, String(guestUser))
  if (inGuest !== tag) fs.renameSync(path.join(made, tag), path.join(made, inGuest))
  const folder = path.join(made, inGuest)
  const names = fs.readdirSync(folder).filter((name) => /^[0-9a-f]{8}$/.test(name))
  if (names.length === 0) throw nothingMade()
  const files = names.sort().map((name) => ({ name, bytes: fs.statSync(path.join(folder, name)).size }))
  const index: Index = { tag: inGuest, files }
  fs.writeFileSync(path.join(made, indexName), JSON.stringify(index))
}

function readCompiled(folder: string): CompiledModules | undefined {
  if (!fs.existsSync(folder)) return undefined
  try {
    const { tag, files }: Index = JSON.parse(fs.readFileSync(path.join(folder, indexName), 'utf8'))
    const now = new Date()
    fs.utimesSync(folder, now, now)
    return { tag, files: files.map((each) => ({ ...each, file: path.join(folder, tag, each.name) })) }
  } catch {
    // Nothing waited for the disk: after a crash of the host it can be half there.
    removeFolderAtomic(folder)
    return undefined
  }
}

/** Every change of a folder of packages leaves one behind. */
function dropUnused(store: string): void {
  for (const name of folderNames(store)) {
    const folder = path.join(store, name)
    const used = fs.statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (/^[0-9a-f]{64}$/.test(name) && Date.now() - used > unusedMs) removeFolderAtomic(folder)
  }
}

function nothingMade(): UfrError {
  return new UfrError('UFR-COMMAND', 'Node.js left no compile cache behind')
}
