/** Larger files are bundles, of which the beginning and the end (where bundlers put exports) are looked at. */
const maxText = 512 * 1024

/** A JavaScript file's text without the comments that have lines of their own. */
export function withoutComments(text: string): string {
  const shown = text.length <= maxText ? text : `${text.slice(0, maxText / 2)}\n${text.slice(-maxText / 2)}`
  // Only those that begin a line: `//` and `/*` are in strings, too.
  // One that does not end takes all the rest, or else a file full of beginnings would take quadratic time.
  return shown.replace(/^[ \t]*\/\/.*$/gm, '').replace(/^[ \t]*\/\*[\s\S]*?(?:\*\/|(?![\s\S]))/gm, '')
}

/** Whether it opens a server: by Node's own modules, or by what web frameworks call it. */
export function opensServer(text: string): boolean {
  return /\.listen\s*\(|\bcreate(?:Secure)?Server\s*\(|\bserve\s*\(/.test(withoutComments(text))
}
