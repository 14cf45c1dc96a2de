import fs from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

/** The guest's side of a handler, and what is preloaded into web functions: paths in the guest. */
export const handlerServer = '/opt/ufr/handler.mjs'
export const webPreload = '/opt/ufr/web.cjs'

/** Whether this very file runs as TypeScript, or compiled: the guest's files are beside it in the same form. */
const isSource = import.meta.url.endsWith('.ts')

/**
 * The files of ours that run in the guest, as JavaScript, by their absolute paths there. The handler server is written
 * as several modules and delivered as one, because each further one costs a quarter of a millisecond at start, and ten
 * times that where the guest is emulated.
 */
export function guestFiles(): Map<string, Uint8Array> {
  return new Map([
    [handlerServer, Buffer.from(joinModules('handler'))],
    [webPreload, Buffer.from(javaScript(isSource ? 'web.cts' : 'web.cjs'))],
  ])
}

const localImport = /^import \{[^}]*\} from '\.\/(\w+)\.m[jt]s';?\n/gm

/**
 * Puts a module and those it imports from the same folder into one, each after those it imports. What they name at top
 * level shares one scope then, so no two of them may use the same name; the tests run what comes out of this.
 */
function joinModules(entry: string): string {
  const texts = new Map<string, string>()
  function add(name: string): void {
    if (texts.has(name)) return
    texts.set(name, '')
    const text = javaScript(isSource ? `${name}.mts` : `${name}.mjs`)
    for (const [, imported] of text.matchAll(localImport)) add(imported!)
    texts.delete(name)
    texts.set(name, text.replace(localImport, '').replace(/^export (?=async |class |const |function )/gm, ''))
  }
  add(entry)
  return [...texts.values()].join('\n')
}

function javaScript(name: string): string {
  const text = fs.readFileSync(fileURLToPath(new URL(`./guest/${name}`, import.meta.url)), 'utf8')
  return isSource ? stripTypes(text) : text
}

/** `stripTypeScriptTypes` warns that it is experimental, which is nothing a user of ufr can do anything about. */
function stripTypes(text: string): string {
  const { emitWarning } = process
  process.emitWarning = () => {}
  try {
    return module.stripTypeScriptTypes(text)
  } finally {
    process.emitWarning = emitWarning
  }
}
