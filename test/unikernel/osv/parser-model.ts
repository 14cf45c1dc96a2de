/**
 * OSv's reading of its command line, as its sources have it: what ufr writes is checked against this, and this by live
 * tests against the kernel. Strings are of bytes (latin1), as the kernel's are.
 */
export interface Started {
  /** Options of the kernel's: `rootfs`, `env` and so on, with their values in order. */
  options: Map<string, string[]>
  /** The commands, each with its environment as it was when the first began. */
  commands: string[][]
  environment: Map<string, string>
}

/** What a whole boot makes of a line: devices out, options read, scripts read, commands in order. */
export function start(line: string, files: Record<string, string>): Started {
  const { options, rest } = loaderOptions(withoutDevices(line))
  const environment = new Map<string, string>()
  for (const setting of options.get('env') ?? []) put(environment, setting)
  const commands = parse(rest).map(({ words, end }) => ({
    words: words.map((word) => expanded(word, environment)),
    end,
  }))
  const whole = commands.flatMap(({ words, end }) => {
    if (words[0] !== 'runscript') return [words]
    // A command without a delimiter ends with an empty one: three words in all.
    if (words.length + 1 !== 3 && (words[2] ?? end) !== '') throw new Error('runscript with extra parameters')
    return script(files[words[1]!] ?? fail(`no script ${words[1]}`), environment)
  })
  return { options, commands: whole, environment }
}

/** drivers/virtio-mmio.cc: takes `virtio_mmio.device=SIZE@ADDRESS:IRQ` out of the line, wherever it stands. */
function withoutDevices(line: string): string {
  const prefix = 'virtio_mmio.device='
  for (;;) {
    const at = line.indexOf(prefix)
    if (at < 0) return line
    const match = /^\s*-?\d+[^@]*@\s*(0x[0-9a-f]+|\d+):\d+/i.exec(line.slice(at + prefix.length))
    if (!match) return line
    const end = line.slice(at).search(/\s|$/)
    line = line.slice(0, at) + line.slice(at + end)
  }
}

const blanks = ' \t\n'

/** core/commands.cc, loader_parse_cmdline; core/options.cc. */
function loaderOptions(line: string): { options: Map<string, string[]>; rest: string } {
  const options = new Map<string, string[]>()
  let at = 0
  for (;;) {
    let next = at
    while (next < line.length && blanks.includes(line[next]!)) next++
    if (next === line.length || line[next] !== '-') return { options, rest: line.slice(at) }
    let token = ''
    for (at = next; at < line.length && !blanks.includes(line[at]!); at++) {
      if (line[at] === '\\' && at + 1 < line.length) at++
      token += line[at]
    }
    at++
    if (!token.startsWith('--')) throw new Error(`not an option: ${token}`)
    const equals = token.indexOf('=')
    const name = token.slice(2, equals < 0 ? undefined : equals)
    const there = options.get(name)
    if (there && (there.length === 0) !== equals < 0) throw new Error(`duplicate option ${name}`)
    if (equals < 0) options.set(name, [])
    else if (equals === token.length - 1) throw new Error(`${name} without a value`)
    else options.set(name, [...(there ?? []), token.slice(equals + 1)])
  }
}

const escapes: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
}
const space = /[ \t-\r]/

interface Command {
  words: string[]
  /** `;`, `&`, `&!`, `!`, or nothing at the end of the line. */
  end: string
}

/** core/commands.cc, the grammars `command` and `commands`. */
function parse(line: string): Command[] {
  if (/^[ \t-\r;]*$/.test(line)) return []
  const commands: Command[] = []
  let words: string[] = []
  let at = 0
  const skip = () => {
    while (at < line.length && space.test(line[at]!)) at++
  }
  const character = () => {
    const escaped = line[at] === '\\' ? escapes[line[at + 1] ?? ''] : undefined
    if (escaped !== undefined) {
      at += 2
      return escaped
    }
    // Its characters are those of ASCII: any other ends the parsing.
    if (line.charCodeAt(at) > 0x7f) throw new Error('not ASCII')
    return line[at++]!
  }
  for (;;) {
    skip()
    const ending = /^(?:;|&!|&|!|$)/.exec(line.slice(at))
    if (ending) {
      if (words.length === 0) throw new Error('an empty command')
      commands.push({ words, end: ending[0] })
      at += ending[0].length
      skip()
      if (at === line.length) return commands
      words = []
      continue
    }
    let word = ''
    if (line[at] === '"' && closes(line, at)) {
      at++
      while (line[at] !== '"') word += character()
      at++
    } else {
      while (at < line.length && (line[at] === '\\' || !' ;&!'.includes(line[at]!))) word += character()
    }
    words.push(word)
  }
}

/** Whether a quoted word that begins here ends at all: else the quote is a character like any other. */
function closes(line: string, from: number): boolean {
  for (let at = from + 1; at < line.length; at++) {
    if (line[at] === '"') return true
    if (line[at] === '\\' && escapes[line[at + 1] ?? ''] !== undefined) at++
  }
  return false
}

/** core/commands.cc, runscript_expand and runscript_process_options. */
function script(text: string, environment: Map<string, string>): string[][] {
  const result: string[][] = []
  for (const line of text.split('\n').filter((each, i, all) => each !== '' || i < all.length - 1)) {
    const commands = parse(line)
    for (const { words } of commands) {
      while (words[0]?.startsWith('-')) {
        const option = words.shift()!
        if (!option.startsWith('--env=')) throw new Error(`unrecognised option ${option}`)
        const setting = option.slice('--env='.length)
        const maybe = setting.indexOf('?=')
        const at = maybe < 0 ? setting.indexOf('=') : maybe
        if (at < 0) throw new Error(`no value in ${setting}`)
        const name = setting.slice(0, at)
        const value = expanded(setting.slice(at + (maybe < 0 ? 1 : 2)), environment)
        if (name !== '' && (maybe < 0 || !environment.has(name))) environment.set(name, value)
      }
      result.push(words.map((word) => expanded(word, environment)))
    }
  }
  return result
}

/** core/commands.cc, expand_environ_vars: all that stands behind the first `$` is the variable's name. */
function expanded(word: string, environment: Map<string, string>): string {
  const at = word.indexOf('$')
  return at < 0 ? word : word.slice(0, at) + (environment.get(word.slice(at + 1)) ?? '')
}

function put(environment: Map<string, string>, setting: string): void {
  const at = setting.indexOf('=')
  if (at > 0) environment.set(setting.slice(0, at), setting.slice(at + 1))
}

function fail(message: string): never {
  throw new Error(message)
}
