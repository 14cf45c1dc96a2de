/** A place in a text, as an index into it. */
export type Offset = number

export interface JsonDocument {
  value: unknown
  /**
   * Where a value is, or the key that it stands behind.
   * @param path keys and indices from the root.
   */
  at(path: readonly (string | number)[], key: boolean): Offset
}

/** Told of the first mistake; does not return. */
export type JsonFailure = (message: string, at: Offset) => never

const maxDepth = 64
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const word = /[A-Za-z_$][\w$]*/y
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const space = /[ \t\r\n]*/y

function pointer(path: readonly (string | number)[]): string {
  return JSON.stringify(path)
}

/**
 * Parses JSON (RFC 8259) as `JSON.parse` does, but knows where everything is, refuses a key that is there twice, and
 * says what is wrong in words of the person who wrote the text.
 */
export function parseJson(text: string, fail: JsonFailure): JsonDocument {
  const values = new Map<string, Offset>()
  const keys = new Map<string, Offset>()
  const path: (string | number)[] = []
  let at = 0

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }

  function skipSpace(): void {
    match(space)
    if (text.startsWith('//', at) || text.startsWith('/*', at) || text[at] === '#') {
      fail('comments are not allowed in JSON', at)
    }
  }

  /** What stands at the current place, for messages. */
  function here(): string {
    if (at >= text.length) return 'the end of the file'
    const [character] = text.slice(at, at + 2)
    return JSON.stringify(character)
  }

  function parseValue(): unknown {
    skipSpace()
    values.set(pointer(path), at)
    const c = text[at]
    if (c === '{' || c === '[') {
      if (path.length >= maxDepth) fail(`nested more than ${maxDepth} deep`, at)
      return c === '{' ? parseObject() : parseArray()
    }
    if (c === '"') return parseString()
    if (c === '-' || (c !== undefined && c >= '0' && c <= '9')) return parseNumber()
    const start = at
    const name = match(word)
    if (name === 'true') return true
    if (name === 'false') return false
    if (name === 'null') return null
    if (name !== undefined) fail(`${name} is not a JSON value; text is written in double quotes`, start)
    if (c === "'") fail('text is written in double quotes, not in single ones', at)
    return fail(`a value should be here, not ${here()}`, at)
  }

  function parseNumber(): number {
    const start = at
    const digits = match(number)
    const next = text[at]
    if (digits === undefined || (next !== undefined && /[\w.+-]/.test(next))) {
      fail('this is not a number as JSON has them', start)
    }
    return Number(digits)
  }

  function parseString(): string {
    const start = at++
    for (; text[at] !== '"'; at++) {
      const c = text[at]
      if (c === undefined || c === '\n' || c === '\r')
        fail('the text that begins here has no closing quote', start)
      if (c < ' ')
        fail(`a control character; write it as \\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`, at)
      if (c !== '\\') continue
      escaped.lastIndex = at
      const found = escaped.exec(text)?.[0]
      if (found === undefined) fail('a backslash is written twice: \\\\', at)
      at += found.length - 1
    }
    at++
    return JSON.parse(text.slice(start, at)) as string
  }

  function parseArray(): unknown[] {
    const items: unknown[] = []
    const start = at++
    skipSpace()
    if (text[at] === ']') return close(items)
    for (;;) {
      path.push(items.length)
      items.push(parseValue())
      path.pop()
      if (!comma(']', start)) return close(items)
    }
  }

  function parseObject(): Record<string, unknown> {
    const object: Record<string, unknown> = {}
    const start = at++
    skipSpace()
    if (text[at] === '}') return close(object)
    for (;;) {
      skipSpace()
      const keyAt = at
      if (text[at] !== '"') failKey(start)
      const key = parseString()
      if (Object.hasOwn(object, key)) fail(`the key ${JSON.stringify(key)} is here a second time`, keyAt)
      path.push(key)
      keys.set(pointer(path), keyAt)
      skipSpace()
      if (text[at] !== ':') fail(`a colon should be here, not ${here()}`, at)
      at++
      // Not by assignment, which for `__proto__` would do something else.
      Object.defineProperty(object, key, {
        value: parseValue(),
        configurable: true,
        enumerable: true,
        writable: true,
      })
      path.pop()
      if (!comma('}', start)) return close(object)
    }
  }

  function close<T>(value: T): T {
    at++
    return value
  }

  function failKey(start: Offset): never {
    if (at >= text.length) fail('what begins here is never closed', start)
    const from = at
    const name = match(word)
    fail(
      name === undefined && text[from] !== "'"
        ? `a key in double quotes should be here, not ${here()}`
        : 'keys are written in double quotes',
      from,
    )
  }

  /** Whether another item follows. */
  function comma(end: string, start: Offset): boolean {
    const last = at
    skipSpace()
    if (text[at] === end) return false
    if (at >= text.length) fail('what begins here is never closed', start)
    if (text[at] !== ',') fail(`a comma or ${end} is missing here`, last)
    const commaAt = at++
    skipSpace()
    if (text[at] === end) fail(`this comma has to go: nothing follows it before ${end}`, commaAt)
    return true
  }

  const value = parseValue()
  skipSpace()
  if (at < text.length) fail(`nothing should follow the end of the JSON, but there is ${here()}`, at)
  return {
    value,
    at: (place, key) => (key ? keys : values).get(pointer(place)) ?? values.get(pointer(place)) ?? 0,
  }
}
