const shownColumns = 100

/** `file:line:column`, both counted from 1, as editors and terminals know it. */
export function placeName(file: string, text: string, at: number): string {
  const { line, start } = lineOf(text, at)
  return `${file}:${line}:${[...text.slice(start, at)].length + 1}`
}

export function lineOf(text: string, at: number): { line: number; start: number; end: number } {
  const start = text.lastIndexOf('\n', at - 1) + 1
  const next = text.indexOf('\n', at)
  const end = next < 0 ? text.length : next
  let line = 1
  for (let i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) line++
  return { line, start, end }
}

/** The line with a mark below the place. */
export function frame(text: string, at: number): string[] {
  const { line, start, end } = lineOf(text, at)
  const from = at - start > shownColumns ? at - shownColumns / 2 : start
  const shown = text.slice(from, Math.min(end, from + shownColumns)).replace(/\r$/, '')
  const before = text.slice(from, at).replace(/[^\t]/gu, ' ')
  return [`${line} | ${shown}`, `${' '.repeat(String(line).length)} | ${before}^`]
}
