import { inputError, type TextFile } from '../text.ts'

/** A value of a YAML file with its place in the text. Scalars are texts as written: what they mean depends on the key. */
export type YamlValue =
  | { kind: 'text'; text: string; quoted: boolean; at: number }
  | { kind: 'list'; items: YamlValue[]; at: number }
  | { kind: 'map'; entries: Map<string, { value: YamlValue; keyAt: number }>; at: number }

interface Line {
  indent: number
  /** Without indentation; comments are still there. */
  text: string
  at: number
}

const maxDepth = 40
const maxLines = 20_000

/**
 * Reads the part of YAML that people write into a Kraftfile: maps and lists in blocks or in brackets, texts plain or
 * in quotes, and `|` and `>` blocks. Anchors, tags, several documents and keys that are no texts are refused by line.
 * @throws UfrError UFR-INPUT
 */
export function readYaml(file: TextFile): YamlValue {
  const lines = linesOf(file)
  let next = 0
  let depth = 0

  const fail = (at: number, what: string): never => {
    throw inputError(file, at, what)
  }

  function nested<T>(at: number, read: () => T): T {
    if (++depth > maxDepth) fail(at, `nested more than ${maxDepth} deep`)
    const value = read()
    depth--
    return value
  }

  function skipEmpty(): void {
    while (next < lines.length && /^(#|$)/.test(lines[next]!.text)) next++
  }

  /** The value in the lines from here on that are indented at least so far. */
  function block(indent: number, at: number): YamlValue {
    skipEmpty()
    const line = lines[next]
    if (!line || line.indent < indent) return { kind: 'text', text: '', quoted: false, at }
    return nested(line.at, () => {
      if (isItem(line.text)) return list(line.indent, line.at)
      if (keyEnd(line) >= 0) return map(line.indent, line.at)
      next++
      return inline(line.text, line.at, line.indent)
    })
  }

  function list(indent: number, at: number): YamlValue {
    const items: YamlValue[] = []
    for (;;) {
      skipEmpty()
      const line = lines[next]
      if (!line || line.indent < indent) break
      if (line.indent > indent) fail(line.at, 'this line is indented further than the items before it')
      if (!isItem(line.text)) break
      const rest = line.text.slice(1)
      const inner = rest.length - rest.trimStart().length + 1
      const text = line.text.slice(inner)
      if (text === '' || text.startsWith('#')) {
        next++
        items.push(block(indent + 1, line.at))
      } else {
        // What stands behind the dash is a block of its own, indented by where it begins.
        lines[next] = { indent: indent + inner, text, at: line.at + inner }
        items.push(block(indent + 1, line.at))
      }
    }
    return { kind: 'list', items, at }
  }

  function map(indent: number, at: number): YamlValue {
    const entries = new Map<string, { value: YamlValue; keyAt: number }>()
    for (;;) {
      skipEmpty()
      const line = lines[next]
      if (!line || line.indent < indent) break
      if (line.indent > indent) fail(line.at, 'this line is indented further than the keys before it')
      if (isItem(line.text)) fail(line.at, 'an item of a list, where a key should be')
      const end = keyEnd(line)
      if (end < 0) fail(line.at, 'a key and a colon should be here')
      const key = keyOf(line.text.slice(0, end), line.at)
      if (entries.has(key)) fail(line.at, `the key ${JSON.stringify(key)} is here a second time`)
      entries.set(key, { value: behindKey(line, end + 1, indent), keyAt: line.at })
    }
    return { kind: 'map', entries, at }
  }

  function keyOf(written: string, at: number): string {
    const text = written.trim()
    const quoted = /^(["']).*\1$/.test(text)
    if (/^[&*!?|>%@`]/.test(text))
      fail(at, `${JSON.stringify(text[0])} at the beginning of a key is not taken`)
    if (text === '<<') fail(at, 'merged maps are not taken: write the keys here')
    return quoted ? text.slice(1, -1) : text
  }

  /** What stands behind a key, in its line or below. */
  function behindKey(line: Line, from: number, indent: number): YamlValue {
    const rest = line.text.slice(from)
    const text = rest.trimStart()
    const at = line.at + from + (rest.length - text.length)
    next++
    if (text === '' || text.startsWith('#')) {
      skipEmpty()
      const following = lines[next]
      // Lists may stand at the indentation of their key.
      const isList = following?.indent === indent && isItem(following.text)
      return block(isList ? indent : indent + 1, line.at)
    }
    if (/^[|>]/.test(text)) return literal(text, at, indent)
    return inline(text, at, indent)
  }

  /** A `|` or `>` block: the lines that are indented further. */
  function literal(header: string, at: number, indent: number): YamlValue {
    const match = /^([|>])([+-]?)\s*(#.*)?$/.exec(header)
    if (!match) fail(at, 'a block of this form is not taken')
    const taken: string[] = []
    let inner: number | undefined
    for (; next < lines.length; next++) {
      const line = lines[next]!
      if (line.text === '') {
        taken.push('')
        continue
      }
      if (line.indent <= indent) break
      inner ??= line.indent
      taken.push(' '.repeat(Math.max(0, line.indent - inner)) + line.text)
    }
    while (taken.at(-1) === '') taken.pop()
    const text = match![1] === '|' ? taken.join('\n') : taken.join(' ')
    return {
      kind: 'text',
      text: match![2] === '-' || taken.length === 0 ? text : `${text}\n`,
      quoted: true,
      at,
    }
  }

  /** A value that begins in a line; one in brackets or quotes may go on in the lines below. */
  function inline(text: string, at: number, indent: number): YamlValue {
    if (/^[&*!%@`]/.test(text))
      fail(at, `${JSON.stringify(text[0])} at the beginning of a value is not taken`)
    if (!/^[[{"']/.test(text)) {
      const plain = text.replace(/(^|\s)#.*$/, '').trimEnd()
      const more: string[] = [plain]
      while (next < lines.length && lines[next]!.text !== '' && lines[next]!.indent > indent) {
        const line = lines[next]!
        if (line.text.startsWith('#')) break
        if (keyEnd(line) >= 0 || isItem(line.text))
          fail(line.at, 'this line is indented further than its neighbours')
        more.push(line.text.replace(/(^|\s)#.*$/, '').trimEnd())
        next++
      }
      return { kind: 'text', text: more.join(' ').trim(), quoted: false, at }
    }
    const flow = new Flow(file, at)
    const value = flow.value(0)
    flow.endOfLine()
    while (next < lines.length && lines[next]!.at < flow.at) next++
    return value
  }

  skipEmpty()
  if (/^---(\s|$)/.test(lines[next]?.text ?? '') && lines[next]!.indent === 0) {
    if (lines[next]!.text !== '---') fail(lines[next]!.at, 'nothing may stand behind --- here')
    next++
  }
  const value = block(0, 0)
  skipEmpty()
  const rest = lines[next]
  if (rest)
    fail(rest.at, /^(---|\.\.\.)/.test(rest.text) ? 'a second document' : 'this does not belong to anything')
  return value
}

function isItem(text: string): boolean {
  return text === '-' || text.startsWith('- ')
}

/** Where the colon behind a key is; -1 where the line has none. */
function keyEnd({ text }: Line): number {
  const match = /^(?:"[^"]*"|'[^']*'|[^\s"'[{#][^:#]*(?::(?!\s|$)[^:#]*)*?)\s*:(?=\s|$)/.exec(text)
  return match ? match[0].length - 1 : -1
}

function linesOf(file: TextFile): Line[] {
  let at = 0
  const lines: Line[] = []
  for (const whole of file.text.split('\n')) {
    const line = whole.endsWith('\r') ? whole.slice(0, -1) : whole
    const text = line.trimStart()
    const indent = line.length - text.length
    if (line.slice(0, indent).includes('\t') && text !== '' && !text.startsWith('#')) {
      throw inputError(file, at, 'a tab in the indentation, which YAML does not allow')
    }
    if (line.length > 100_000) throw inputError(file, at, 'a line of more than 100000 characters')
    lines.push({ indent, text: text.trimEnd(), at: at + indent })
    at += whole.length + 1
    if (lines.length > maxLines) throw inputError(file, at - 1, `more than ${maxLines} lines`)
  }
  return lines
}

/** Values in brackets and quotes, which do not depend on lines. */
class Flow {
  readonly file: TextFile
  at: number

  constructor(file: TextFile, at: number) {
    this.file = file
    this.at = at
  }

  value(depth: number): YamlValue {
    this.skip()
    const { at } = this
    const c = this.file.text[at]
    if (depth > maxDepth) throw inputError(this.file, at, `nested more than ${maxDepth} deep`)
    if (c === '[') return this.list(depth)
    if (c === '{') return this.map(depth)
    if (c === '"' || c === "'") return { kind: 'text', text: this.quoted(c), quoted: true, at }
    if (c !== undefined && /[&*!%@`|>]/.test(c)) {
      throw inputError(this.file, at, `${JSON.stringify(c)} at the beginning of a value is not taken`)
    }
    const plain = /[^,[\]{}\n#]*/y
    plain.lastIndex = at
    const text = plain.exec(this.file.text)![0]
    // A key ends at its colon.
    const colon = /:(?=\s|$)/.exec(text)
    const taken = colon ? text.slice(0, colon.index) : text
    this.at += taken.length
    return { kind: 'text', text: taken.trim(), quoted: false, at }
  }

  list(depth: number): YamlValue {
    const at = this.at++
    const items: YamlValue[] = []
    while (!this.takes(']', at)) {
      items.push(this.value(depth + 1))
      this.comma(']', at)
    }
    return { kind: 'list', items, at }
  }

  map(depth: number): YamlValue {
    const at = this.at++
    const entries = new Map<string, { value: YamlValue; keyAt: number }>()
    while (!this.takes('}', at)) {
      const key = this.value(depth + 1)
      if (key.kind !== 'text' || key.text === '') throw inputError(this.file, key.at, 'a key should be here')
      if (entries.has(key.text)) {
        throw inputError(this.file, key.at, `the key ${JSON.stringify(key.text)} is here a second time`)
      }
      this.skip()
      if (this.file.text[this.at] !== ':') throw inputError(this.file, this.at, 'a colon should be here')
      this.at++
      entries.set(key.text, { value: this.value(depth + 1), keyAt: key.at })
      this.comma('}', at)
    }
    return { kind: 'map', entries, at }
  }

  /** Whether the closing bracket is next, which is then taken. */
  takes(end: string, start: number): boolean {
    this.skip()
    if (this.at >= this.file.text.length)
      throw inputError(this.file, start, 'what begins here is never closed')
    if (this.file.text[this.at] !== end) return false
    this.at++
    return true
  }

  comma(end: string, start: number): void {
    this.skip()
    const c = this.file.text[this.at]
    if (c === ',') this.at++
    else if (c === undefined) throw inputError(this.file, start, 'what begins here is never closed')
    else if (c !== end) throw inputError(this.file, this.at, `a comma or ${end} is missing here`)
  }

  /** Blanks, line ends and comments. */
  skip(): void {
    const blank = /(?:\s|(?<=\s)#[^\n]*)*/y
    blank.lastIndex = this.at
    this.at += blank.exec(this.file.text)![0].length
  }

  endOfLine(): void {
    const rest = /[ \t]*(?:#[^\n]*)?\r?(?:\n|$)/y
    rest.lastIndex = this.at
    const found = rest.exec(this.file.text)
    if (!found) throw inputError(this.file, this.at, 'nothing should stand behind this value')
    this.at += found[0].length
  }

  quoted(quote: string): string {
    const start = this.at++
    const { text } = this.file
    const parts: string[] = []
    for (; ; this.at++) {
      const c = text[this.at]
      if (c === undefined)
        throw inputError(this.file, start, 'the text that begins here has no closing quote')
      if (c === quote && quote === "'" && text[this.at + 1] === "'") parts.push(text[this.at++]!)
      else if (c === quote) break
      else if (c === '\\' && quote === '"') parts.push(this.escaped())
      else if (c === '\n') parts.push(' ')
      else parts.push(c)
    }
    this.at++
    return parts.join('')
  }

  /** An escape in double quotes; leaves the place at its last character. */
  escaped(): string {
    const next = this.file.text[++this.at] ?? ''
    const simple: Record<string, string> = {
      n: '\n',
      t: '\t',
      r: '\r',
      '0': '\0',
      '"': '"',
      '\\': '\\',
      '/': '/',
      ' ': ' ',
    }
    if (Object.hasOwn(simple, next)) return simple[next]!
    const hex = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/.exec(this.file.text.slice(this.at, this.at + 5))
    if (!hex) throw inputError(this.file, this.at - 1, 'a backslash is written twice: \\\\')
    this.at += hex[0].length - 1
    return String.fromCharCode(Number.parseInt((hex[1] ?? hex[2])!, 16))
  }
}
