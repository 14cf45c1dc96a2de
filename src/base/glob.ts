/** Matches a path (components separated by `/`, relative) as a whole. */
export type GlobMatcher = (path: string) => boolean

type Token = string | { any: true } | { star: true } | { has: (character: string) => boolean }
type Segment = { deep: true } | { deep: false; matches: (name: string) => boolean }

const maxAlternatives = 256

/** Whether a pattern stands for more than one path. */
export function hasMagic(pattern: string): boolean {
  return /[*?[\]{}\\]/.test(pattern)
}

/**
 * A matcher for `*` and `?` (anything but `/`, a leading dot too), `[a-z]`, `[!a-z]`, and `**` as a whole component
 * (any number of components; at the end at least one). A backslash takes a character's meaning away.
 *
 * No regular expression is made of the pattern: matching takes time in proportion to the pattern times the path,
 * whatever the pattern is.
 */
export function compileGlob(pattern: string): GlobMatcher {
  const segments = pattern.split('/').map(compileSegment)
  // `a/**` is what is below `a`, not `a` itself.
  if (segments.at(-1)?.deep) segments.push({ deep: false, matches: () => true })
  const only = segments[0]!
  if (segments.length === 1 && !only.deep) return (path) => !path.includes('/') && only.matches(path)
  return (path) => matchSegments(segments, path.split('/'))
}

/** Both loops go back to the last wildcard only: what an earlier one could take, the last one can take as well. */
function matchSegments(segments: Segment[], names: string[]): boolean {
  let s = 0
  let n = 0
  let deepAt = -1
  let deepFrom = 0
  while (n < names.length) {
    const segment = segments[s]
    if (segment?.deep) {
      deepAt = s++
      deepFrom = n
    } else if (segment?.matches(names[n]!)) {
      s++
      n++
    } else if (deepAt >= 0) {
      s = deepAt + 1
      n = ++deepFrom
    } else {
      return false
    }
  }
  while (segments[s]?.deep) s++
  return s === segments.length
}

function compileSegment(text: string): Segment {
  if (text === '**') return { deep: true }
  const tokens = tokenize(text)
  if (tokens.every((t) => typeof t === 'string')) {
    const literal = tokens.join('')
    return { deep: false, matches: (name) => name === literal }
  }
  const [first, ...rest] = tokens
  if (typeof first === 'object' && 'star' in first && rest.every((t) => typeof t === 'string')) {
    const end = rest.join('')
    return { deep: false, matches: (name) => name.endsWith(end) }
  }
  return { deep: false, matches: (name) => matchTokens(tokens, [...name]) }
}

function matchTokens(tokens: Token[], characters: string[]): boolean {
  let t = 0
  let c = 0
  let starAt = -1
  let starFrom = 0
  while (c < characters.length) {
    const token = tokens[t]
    if (typeof token === 'object' && 'star' in token) {
      starAt = t++
      starFrom = c
    } else if (token !== undefined && matchOne(token, characters[c]!)) {
      t++
      c++
    } else if (starAt >= 0) {
      t = starAt + 1
      c = ++starFrom
    } else {
      return false
    }
  }
  while (typeof tokens[t] === 'object' && 'star' in (tokens[t] as object)) t++
  return t === tokens.length
}

function matchOne(token: Token, character: string): boolean {
  if (typeof token === 'string') return token === character
  return 'any' in token || ('has' in token && token.has(character))
}

function tokenize(text: string): Token[] {
  const characters = [...text]
  const tokens: Token[] = []
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!
    if (character === '\\' && i + 1 < characters.length) {
      tokens.push(characters[++i]!)
    } else if (character === '*') {
      tokens.push({ star: true })
    } else if (character === '?') {
      tokens.push({ any: true })
    } else {
      const set = character === '[' ? characterSet(characters, i) : undefined
      tokens.push(set ?? character)
      if (set) i = set.end
    }
  }
  return tokens
}

/** The set that begins at `[`; undefined where it never ends, so that the bracket stands for itself. */
function characterSet(characters: string[], start: number) {
  let i = start + 1
  const negated = characters[i] === '!' || characters[i] === '^'
  if (negated) i++
  const ranges: [string, string][] = []
  for (let first = true; i < characters.length; first = false) {
    if (characters[i] === ']' && !first) {
      const has = (c: string) => ranges.some(([from, to]) => within(c, from, to)) !== negated
      return { has, end: i }
    }
    if (characters[i] === '\\') i++
    const from = characters[i++]
    if (from === undefined) break
    let to = from
    if (characters[i] === '-' && characters[i + 1] !== undefined && characters[i + 1] !== ']') {
      i += characters[i + 1] === '\\' ? 2 : 1
      to = characters[i++] ?? from
    }
    ranges.push([from, to])
  }
  return undefined
}

function within(character: string, from: string, to: string): boolean {
  const point = character.codePointAt(0)!
  return point >= from.codePointAt(0)! && point <= to.codePointAt(0)!
}

/**
 * The patterns that `{a,b}` stands for: `x.{js,json}` is `x.js` and `x.json`. Braces without a comma, and those that
 * never end, stand for themselves. Undefined where there would be more than 256 patterns.
 */
export function expandBraces(pattern: string): string[] | undefined {
  const done: string[] = []
  const open = [pattern]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const brace = findBraces(next)
    if (!brace) done.push(next)
    else
      for (const part of brace.parts.toReversed()) open.push(next.slice(0, brace.start) + part + brace.rest)
    if (done.length + open.length > maxAlternatives) return undefined
  }
  return done
}

/** The first braces with a comma in them, cut at those of their commas that are in no inner braces. */
function findBraces(pattern: string) {
  for (let start = 0; start < pattern.length; start++) {
    if (pattern[start] === '\\') start++
    else if (pattern[start] === '{') {
      const parts = splitBraces(pattern, start)
      if (parts && parts.list.length > 1)
        return { start, parts: parts.list, rest: pattern.slice(parts.end + 1) }
    }
  }
  return undefined
}

function splitBraces(pattern: string, start: number): { list: string[]; end: number } | undefined {
  const list: string[] = []
  let depth = 0
  let from = start + 1
  for (let i = start; i < pattern.length; i++) {
    const character = pattern[i]
    if (character === '\\') i++
    else if (character === '{') depth++
    else if (character === '}') depth--
    if ((character === ',' && depth === 1) || (character === '}' && depth === 0)) {
      list.push(pattern.slice(from, i))
      from = i + 1
      if (depth === 0) return { list, end: i }
    }
  }
  return undefined
}
