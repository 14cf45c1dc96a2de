/**
 * What a JavaScript file seems to do, by its text: good enough to guess what a folder is for when nobody says so, and
 * for a hint in an error. Nothing is run, and nothing depends on a guess that ufr.json cannot overrule.
 */

/** Larger files are bundles, of which the beginning and the end (where bundlers put exports) are looked at. */
const maxText = 512 * 1024

function withoutComments(text: string): string {
  const shown = text.length <= maxText ? text : `${text.slice(0, maxText / 2)}\n${text.slice(-maxText / 2)}`
  // Only those that begin a line: `//` and `/*` are in strings, too.
  // One that does not end takes all the rest, or else a file full of beginnings would take quadratic time.
  return shown.replace(/^[ \t]*\/\/.*$/gm, '').replace(/^[ \t]*\/\*[\s\S]*?(?:\*\/|(?![\s\S]))/gm, '')
}

/** Whether a module exports something by a name, as an ES module or in the usual ways of CommonJS. */
export function exportsName(text: string, name: string): boolean {
  const code = withoutComments(text)
  const word = name.replace(/[^\w]/g, '\\$&')
  const forms = [
    `\\bexport\\s{1,9}(?:const|let|var|(?:async\\s{1,9})?function\\s{0,9}\\*?|class)\\s{0,9}${word}\\b`,
    `\\bexports\\.${word}\\s*=[^=]`,
    `\\bmodule\\.exports\\s*=\\s*\\{[^}]{0,2000}\\b${word}\\b`,
  ]
  if (forms.some((form) => new RegExp(form).test(code))) return true
  for (const [, list = ''] of code.matchAll(/\bexport\s*\{([^}]{0,2000})\}/g)) {
    const names = list.split(',').map((each) =>
      each
        .trim()
        .split(/\s+as\s+/)
        .at(-1),
    )
    if (names.includes(name)) return true
  }
  return false
}

/** Whether it opens a server: by Node's own modules, or by what web frameworks call it. */
export function opensServer(text: string): boolean {
  return /\.listen\s*\(|\bcreate(?:Secure)?Server\s*\(|\bserve\s*\(/.test(withoutComments(text))
}

/** The files of its own folder that a module imports, as it writes them (`./server.mjs`). */
export function localImports(text: string): string[] {
  const form = /\b(?:from|import|require)\s{0,9}\(?\s{0,9}['"](\.{1,2}\/[^'"\n]{1,300})['"]/g
  return [...withoutComments(text).matchAll(form)].map(([, file]) => file!)
}
