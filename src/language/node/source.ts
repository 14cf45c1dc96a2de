import { withoutComments } from '../../function/javascript.ts'

/**
 * What a JavaScript file seems to do, by its text: good enough to guess what a folder is for when nobody says so, and
 * for a hint in an error. Nothing is run, and nothing depends on a guess that ufr.json cannot overrule.
 */

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

/** The files of its own folder that a module imports, as it writes them (`./server.mjs`). */
export function localImports(text: string): string[] {
  const form = /\b(?:from|import|require)\s{0,9}\(?\s{0,9}['"](\.{1,2}\/[^'"\n]{1,300})['"]/g
  return [...withoutComments(text).matchAll(form)].map(([, file]) => file!)
}
