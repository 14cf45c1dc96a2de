import { inputError, type TextFile } from '../text.ts'

/** A token of the part of Python that is read here. */
export interface Token {
  kind: 'name' | 'text' | 'number' | 'sign' | 'line' | 'indent' | 'end'
  /** A text's value, a name, a sign; the digits of a number. */
  value: string
  at: number
  /** What Python has as text in a form that is not read here: f-strings, bytes. */
  odd?: boolean
}

const name = /[A-Za-z_][A-Za-z0-9_]*/y
const number = /[0-9][0-9_]*(?:\.[0-9]*)?/y
const signs = ['**', '//', '==', '!=', '<=', '>=', '+=', '-=', '->', ':=']
const maxTokens = 50_000
const maxDepth = 50

/**
 * Splits a Python file into tokens (docs.python.org: reference, lexical analysis): lines join inside brackets and by a
 * backslash, comments and empty lines are nothing.
 * @throws UfrError UFR-INPUT for a text without end, brackets that do not match.
 */
export function tokens(file: TextFile): Token[] {
  const { text } = file
  const found: Token[] = []
  const open: number[] = []
  let at = 0
  let fresh = true

  function add(kind: Token['kind'], value: string, from: number, odd = false): void {
    if (found.length >= maxTokens) throw inputError(file, from, `more than ${maxTokens} words and signs`)
    found.push({ kind, value, at: from, ...(odd && { odd }) })
  }

  function endLine(): void {
    if (!fresh) add('line', '', at)
    fresh = true
  }

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0]
  }

  while (at < text.length) {
    const c = text[at]!
    if (c === '\n' || c === '\r') {
      if (open.length === 0) endLine()
      at++
    } else if (c === '#') {
      const next = text.indexOf('\n', at)
      at = next < 0 ? text.length : next
    } else if (c === ' ' || c === '\t' || c === '\f') {
      const lineStart = at === 0 || text[at - 1] === '\n'
      const from = at
      while (text[at] === ' ' || text[at] === '\t' || text[at] === '\f') at++
      const empty = at >= text.length || /[\r\n#\\]/.test(text[at]!)
      if (lineStart && fresh && open.length === 0 && !empty) {
        // Told by who reads the lines in their order: one before it may be what is wrong.
        add('indent', '', from)
      }
    } else if (c === '\\' && /^\\\r?\n/.test(text.slice(at, at + 3))) {
      at += text[at + 1] === '\r' ? 3 : 2
    } else {
      fresh = false
      const prefix = /[A-Za-z]{0,2}(?=['"])/y
      const before = match(prefix)
      if (before !== undefined && /^(r|u|b|f|rb|br|fr|rf)?$/i.test(before)) {
        const from = at
        at += before.length
        const value = readText(file, at, /r/i.test(before))
        at = value.end
        add('text', value.text, from, /[bf]/i.test(before))
        continue
      }
      const from = at
      const word = match(name)
      const digits = word === undefined ? match(number) : undefined
      if (word !== undefined || digits !== undefined) {
        at += (word ?? digits)!.length
        add(word !== undefined ? 'name' : 'number', (word ?? digits)!, from)
        continue
      }
      const sign = signs.find((each) => text.startsWith(each, at)) ?? c
      if ('([{'.includes(sign)) {
        if (open.length >= maxDepth) throw inputError(file, at, `brackets nested more than ${maxDepth} deep`)
        open.push(at)
      } else if (')]}'.includes(sign) && open.pop() === undefined) {
        throw inputError(file, at, `this ${sign} closes nothing`)
      }
      add('sign', sign, at)
      at += sign.length
    }
  }
  const unclosed = open.at(-1)
  if (unclosed !== undefined) throw inputError(file, unclosed, 'what begins here is never closed')
  endLine()
  add('end', '', at)
  return found
}

const escapes: Record<string, string> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '0': '\0',
}

/** @throws UfrError UFR-INPUT where the text does not end. */
function readText(file: TextFile, start: number, raw: boolean): { text: string; end: number } {
  const { text } = file
  const quote = text[start]!
  const long = text.startsWith(quote.repeat(3), start)
  const mark = long ? quote.repeat(3) : quote
  let at = start + mark.length
  const parts: string[] = []
  for (;;) {
    if (text.startsWith(mark, at)) return { text: parts.join(''), end: at + mark.length }
    const c = text[at]
    if (c === undefined || (!long && (c === '\n' || c === '\r'))) {
      throw inputError(file, start, 'the text that begins here has no closing quote')
    }
    if (c !== '\\') {
      parts.push(c)
      at++
      continue
    }
    const next = text[at + 1] ?? ''
    const hex = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/.exec(text.slice(at + 1, at + 6))
    if (raw) parts.push(c + next)
    else if (next === '\n') parts.push('')
    else if (hex) parts.push(String.fromCharCode(Number.parseInt((hex[1] ?? hex[2])!, 16)))
    else parts.push(Object.hasOwn(escapes, next) ? escapes[next]! : c + next)
    at += 1 + (!raw && hex ? hex[0].length : next.length)
  }
}
