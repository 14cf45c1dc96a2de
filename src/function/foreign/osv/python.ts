import { inputError, type TextFile } from '../text.ts'
import { type Token, tokens } from './tokens.ts'

/** What a module declares as something that can be run (osv: scripts/osv/modules/api.py). */
export interface RunConfig {
  how: 'run' | 'run_on_init' | 'run_java'
  /** Of run and run_on_init: the kernel's command line. */
  line: string
  /** Of run_java. */
  args: string[]
  classpath: string[]
  jvmArgs: string[]
  at: number
}

/** Files by `usr_files.add(…)` (osv: scripts/osv/modules/filemap.py). */
export interface MappedFiles {
  host: string
  guest?: string
  filters: { pattern: string; include: boolean }[]
  at: number
}

/** What a module.py declares. */
export interface ModuleText {
  required: { name: string; at: number }[]
  /** By the variable that holds them: `default`, and others that can be asked for. */
  runs: Map<string, RunConfig>
  files: MappedFiles[]
  links: { guest: string; to?: string; at: number }[]
}

type Value =
  | { type: 'text'; text: string }
  | { type: 'number'; number: number }
  | { type: 'list'; items: Value[] }
  | { type: 'run'; run: RunConfig }
  | { type: 'nothing' }
  | { type: 'filemap' }
  | { type: 'files'; files: MappedFiles }
  | { type: 'link'; link: { guest: string; to?: string; at: number } }

const nothing: Value = { type: 'nothing' }
const maxText = 1 << 20

const advice =
  'ufr reads what a module declares and runs nothing of it: write the result of the computation there instead, or a ufr.json.'

/**
 * Reads what a module.py declares: assignments, texts, lists, `%`, `+`, format, join, api.run, api.run_java,
 * api.require and FileMap. Nothing is executed: whatever would have to be computed is an error.
 * @throws UfrError UFR-INPUT naming file and line.
 */
export function readModule(file: TextFile): ModuleText {
  const all = tokens(file)
  const module: ModuleText = { required: [], runs: new Map(), files: [], links: [] }
  const names = new Map<string, Value>()
  let next = 0
  let depth = 0
  let made = 0

  const peek = (): Token => all[Math.min(next, all.length - 1)]!
  const isSign = (value: string): boolean => peek().kind === 'sign' && peek().value === value

  function take(): Token {
    const token = peek()
    if (next < all.length - 1) next++
    return token
  }

  function refuse(token: Token, what: string): never {
    throw inputError(file, token.at, what, { fix: advice })
  }

  function shown({ kind, value }: Token): string {
    return kind === 'line' || kind === 'end' ? 'the end of the line' : JSON.stringify(value).slice(0, 60)
  }

  function expect(sign: string): Token {
    if (!isSign(sign)) refuse(peek(), `${sign} should be here, not ${shown(peek())}`)
    return take()
  }

  function statement(): void {
    const first = peek()
    if (first.kind === 'indent') refuse(first, 'this line is indented: blocks are code')
    if (first.kind === 'name' && (first.value === 'import' || first.value === 'from')) {
      imports()
      return
    }
    if (first.kind === 'name' && keywords.has(first.value)) {
      refuse(first, `\`${first.value}\` is code, which computes something`)
    }
    const following = all[next + 1]
    if (first.kind === 'name' && following?.kind === 'sign' && following.value === '=') {
      next += 2
      const value = expression()
      names.set(first.value, value)
      if (value.type === 'run') module.runs.set(first.value, value.run)
      else module.runs.delete(first.value)
    } else if (first.kind === 'text') {
      // A text on its own is a comment.
      expression()
    } else {
      const value = expression()
      const plain = value.type === 'files' || value.type === 'link' || value.type === 'nothing'
      if (!plain) refuse(first, 'a value on its own says nothing')
    }
  }

  function imports(): void {
    const start = take()
    const words: string[] = []
    while (peek().kind !== 'line' && peek().kind !== 'end' && !isSign(';')) words.push(take().value)
    const line = words.join(' ')
    const from = /^osv \. modules(?: \. (?:api|filemap))? import /.test(line)
    if (start.value === 'from' && from) return
    const what = words.join('').replace(/import.*/, '') || words.join('')
    refuse(start, `this module imports ${what}, so it computes something`)
  }

  function expression(): Value {
    if (++depth > 100) refuse(peek(), 'nested too deep')
    let left = operand()
    for (;;) {
      const sign = peek()
      if (isSign('+')) {
        take()
        left = sum(left, operand(), sign)
      } else if (isSign('%')) {
        take()
        left = interpolated(left, operand(), sign)
      } else break
    }
    depth--
    return left
  }

  function operand(): Value {
    let value = atom()
    while (isSign('.') || isSign('[') || isSign('(')) {
      const sign = take()
      if (sign.value !== '.') refuse(sign, `what ${sign.value} does here would have to be computed`)
      const name = take()
      if (name.kind !== 'name') refuse(name, `a name should be here, not ${shown(name)}`)
      value = method(value, name)
    }
    return value
  }

  function atom(): Value {
    const token = take()
    if (token.kind === 'text') return texts(token)
    if (token.kind === 'number') return { type: 'number', number: Number(token.value.replaceAll('_', '')) }
    if (token.kind === 'sign' && token.value === '[') return { type: 'list', items: items(']') }
    if (token.kind === 'sign' && token.value === '(') {
      const inside = items(')')
      const comma = all[next - 2]
      const isTuple = inside.length !== 1 || (comma?.kind === 'sign' && comma.value === ',')
      return isTuple ? { type: 'list', items: inside } : inside[0]!
    }
    if (token.kind === 'name') return named(token)
    return refuse(token, `a value should be here, not ${shown(token)}`)
  }

  function texts(first: Token): Value {
    const parts = [first]
    while (peek().kind === 'text') parts.push(take())
    const odd = parts.find((part) => part.odd)
    if (odd) refuse(odd, 'a text of this form would have to be computed')
    return { type: 'text', text: parts.map((part) => part.value).join('') }
  }

  function items(end: string): Value[] {
    const found: Value[] = []
    while (!isSign(end)) {
      found.push(expression())
      if (!isSign(end)) expect(',')
    }
    take()
    return found
  }

  function named(token: Token): Value {
    const { value: name } = token
    if (name === 'None' || name === 'True' || name === 'False') return nothing
    const isCall = isSign('(')
    if (name === 'api' && isSign('.')) {
      take()
      const what = take()
      return isSign('(') ? call(what) : refuse(what, `api.${what.value} is not known here`)
    }
    if (isCall) return call(token)
    const value = names.get(name)
    if (value) return value
    return refuse(token, `nothing says what ${name} is`)
  }

  interface Given {
    listed: Value[]
    named: Map<string, Value>
    at: Token
  }

  function given(): Given {
    const at = expect('(')
    const call: Given = { listed: [], named: new Map(), at }
    while (!isSign(')')) {
      const key = peek()
      const following = all[next + 1]
      if (key.kind === 'name' && following?.kind === 'sign' && following.value === '=') {
        next += 2
        call.named.set(key.value, expression())
      } else call.listed.push(expression())
      if (!isSign(')')) expect(',')
    }
    take()
    return call
  }

  /** The arguments of a call by name; fails for too many and unknown ones. */
  function arguments_(of: Token, parameters: readonly string[]): Map<string, Value> {
    const { listed, named: byName, at } = given()
    if (listed.length > parameters.length)
      refuse(at, `${of.value} has at most ${parameters.length} arguments`)
    const found = new Map(byName)
    for (const [i, value] of listed.entries()) found.set(parameters[i]!, value)
    for (const key of found.keys()) {
      if (!parameters.includes(key)) refuse(at, `${of.value} has no argument ${key}`)
    }
    return found
  }

  function textOf(value: Value | undefined, token: Token, what: string): string {
    if (value?.type === 'text') return value.text
    return refuse(token, `${what} must be a text`)
  }

  /** osv: api.py, _to_args_list. */
  function textsOf(value: Value | undefined, token: Token, what: string): string[] {
    if (value === undefined || value.type === 'nothing') return []
    if (value.type === 'text') return value.text.split(/\s+/).filter((word) => word !== '')
    if (value.type === 'list') return value.items.map((item) => textOf(item, token, what))
    return refuse(token, `${what} must be a text or a list of texts`)
  }

  function call(name: Token): Value {
    if (name.value === 'run' || name.value === 'run_on_init') {
      const how = name.value
      const line = textOf(arguments_(name, ['cmdline']).get('cmdline'), name, 'the command line')
      return { type: 'run', run: { how, line, args: [], classpath: [], jvmArgs: [], at: name.at } }
    }
    if (name.value === 'run_java') {
      const found = arguments_(name, ['args', 'classpath', 'jvm_args'])
      const texts = (key: string) => textsOf(found.get(key), name, key)
      const parts = { args: texts('args'), classpath: texts('classpath'), jvmArgs: texts('jvm_args') }
      return { type: 'run', run: { how: 'run_java', line: '', ...parts, at: name.at } }
    }
    if (name.value === 'require' || name.value === 'require_running') {
      const found = arguments_(name, ['module_name', 'run_config'])
      module.required.push({
        name: textOf(found.get('module_name'), name, 'the name of a module'),
        at: name.at,
      })
      return nothing
    }
    if (name.value === 'require_if_other_module_present') {
      arguments_(name, ['module_name', 'other_module_name'])
      return nothing
    }
    if (name.value === 'FileMap') {
      arguments_(name, [])
      return { type: 'filemap' }
    }
    return refuse(name, `${name.value}(…) would have to be run`)
  }

  function method(value: Value, name: Token): Value {
    if (!isSign('(')) return refuse(name, `.${name.value} is not known here`)
    if (value.type === 'text' && name.value === 'format') return formatted(value.text, given(), name)
    if (value.type === 'text' && name.value === 'join') {
      const [list] = given().listed
      return text(textsOf(list, name, 'what is joined').join(value.text), name)
    }
    if (value.type === 'text' && name.value === 'strip') {
      if (given().listed.length > 0) refuse(name, 'strip(…) with an argument is not known here')
      return text(value.text.trim(), name)
    }
    if (value.type === 'filemap') return addFiles(name)
    if (value.type === 'files') return mapFiles(value, name)
    if (value.type === 'link' && name.value === 'to') {
      value.link.to = textOf(arguments_(name, ['old_path']).get('old_path'), name, 'the target of a link')
      return value
    }
    return refuse(name, `.${name.value}(…) would have to be run`)
  }

  function addFiles(name: Token): Value {
    const [value] = given().listed
    if (name.value === 'add') {
      const files: MappedFiles = { host: textOf(value, name, 'a path'), filters: [], at: name.at }
      module.files.push(files)
      return { type: 'files', files }
    }
    if (name.value === 'link') {
      const link = { guest: textOf(value, name, 'a path'), at: name.at }
      module.links.push(link)
      return { type: 'link', link }
    }
    return refuse(name, `.${name.value}(…) is nothing that a FileMap has`)
  }

  function mapFiles(value: Value & { type: 'files' }, name: Token): Value {
    const { listed } = given()
    const { files } = value
    if (name.value === 'to') files.guest = textOf(listed[0], name, 'a path')
    else if (name.value === 'include' || name.value === 'exclude') {
      const pattern = textOf(listed[0], name, 'a pattern')
      files.filters.push({ pattern, include: name.value === 'include' })
    } else if (name.value !== 'allow_symlink') {
      refuse(name, `.${name.value}(…) is nothing that files of a FileMap have`)
    }
    return value
  }

  function text(value: string, token: Token): Value {
    made += value.length
    if (made > maxText) refuse(token, `texts of more than ${maxText} characters together`)
    return { type: 'text', text: value }
  }

  function sum(left: Value, right: Value, sign: Token): Value {
    if (left.type === 'text' && right.type === 'text') return text(left.text + right.text, sign)
    if (left.type === 'number' && right.type === 'number') {
      return { type: 'number', number: left.number + right.number }
    }
    if (left.type !== 'list' || right.type !== 'list') refuse(sign, 'these two cannot be joined by +')
    if (left.items.length + right.items.length > 10_000) refuse(sign, 'a list of more than 10000 items')
    return { type: 'list', items: [...left.items, ...right.items] }
  }

  /** What a value is in a text, as `str()` has it. */
  function printed(value: Value | undefined, token: Token): string {
    if (value?.type === 'text') return value.text
    if (value?.type === 'number') return String(value.number)
    return refuse(token, 'this value cannot be put into a text here')
  }

  function interpolated(left: Value, right: Value, sign: Token): Value {
    if (left.type !== 'text') refuse(sign, '% stands behind a text only')
    const values = right.type === 'list' ? right.items : [right]
    let used = 0
    const result = left.text.replaceAll(/%(.?)/gs, (_, kind: string) => {
      if (kind === '%') return '%'
      if (kind !== 's' && kind !== 'd' && kind !== 'i') refuse(sign, `%${kind} is not known here`)
      return printed(values[used++], sign)
    })
    if (used !== values.length)
      refuse(sign, `the text has room for ${used} values, and there are ${values.length}`)
    return text(result, sign)
  }

  function formatted(pattern: string, { listed, named: byName, at }: Given, name: Token): Value {
    let used = 0
    const result = pattern.replaceAll(/\{\{|\}\}|\{([^{}]*)\}?|\}/g, (found, key: string | undefined) => {
      if (found === '{{' || found === '}}') return found[0]!
      if (key === undefined || !found.endsWith('}')) refuse(name, 'a brace on its own in the text')
      if (key === '') return printed(listed[used++], at)
      if (/^\d{1,3}$/.test(key)) return printed(listed[Number(key)], at)
      if (/^\w+$/.test(key)) return printed(byName.get(key), at)
      return refuse(name, `{${key}} is not known here`)
    })
    return text(result, name)
  }

  while (peek().kind !== 'end') {
    if (peek().kind === 'line' || isSign(';')) {
      take()
      continue
    }
    statement()
    if (peek().kind !== 'line' && peek().kind !== 'end' && !isSign(';')) {
      refuse(peek(), `${shown(peek())} here would have to be computed`)
    }
  }
  return module
}

const keywords = new Set([
  'if',
  'for',
  'while',
  'def',
  'class',
  'with',
  'try',
  'lambda',
  'return',
  'del',
  'assert',
  'raise',
  'global',
  'async',
  'await',
  'match',
  'print',
  'exec',
  'eval',
  'not',
])
