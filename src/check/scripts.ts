import { contentBytes } from '../image/content.ts'
import type { Tree } from '../image/tree.ts'

/** What source code asks the system for, by its text. */
export type Need = 'processes' | 'watching' | 'hard-links' | 'priorities' | 'proc' | 'maps' | 'processors'

export interface ScriptUse {
  need: Need
  /** Path relative to the function's folder. */
  file: string
  line: number
  /** What is written there: `child_process`. */
  what: string
  /** The package that brings it along; undefined for the function's own files. */
  package?: string
}

interface Pattern {
  need: Need
  /** Its first group that matches is what is told. */
  pattern: RegExp
}

const moduleOf = (names: string) =>
  new RegExp(
    `\\b(?:from|import|require|getBuiltinModule)\\s{0,9}\\(?\\s{0,9}['"\`](?:node:)?(${names})['"\`]`,
    'g',
  )

const javascript: Pattern[] = [
  { need: 'processes', pattern: moduleOf('child_process|cluster') },
  { need: 'processes', pattern: /\b(process\.execve)\s{0,9}\(/g },
  { need: 'watching', pattern: /\b(fs(?:\.promises|p|Promises)?\.watch)\s{0,9}\(/g },
  { need: 'hard-links', pattern: /\b(fs(?:\.promises|p|Promises)?\.link(?:Sync)?)\s{0,9}\(/g },
  { need: 'priorities', pattern: /\b(os\.[sg]etPriority)\s{0,9}\(/g },
  { need: 'processors', pattern: /\b(os\.cpus)\s{0,9}\(/g },
  { need: 'maps', pattern: /['"`](\/proc\/self\/maps)['"`]/g },
  { need: 'proc', pattern: /['"`](\/proc\/(?!self\/(?:exe|maps)\b)[\w/.${}-]{1,60})['"`]/g },
]

const python: Pattern[] = [
  {
    need: 'processes',
    pattern: /^[ \t]*(?:from|import)[ \t]{1,9}(subprocess|multiprocessing|pty)\b/gm,
  },
  {
    need: 'processes',
    pattern: /\b(os\.(?:fork|forkpty|system|popen|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?))[ \t]{0,9}\(/g,
  },
  { need: 'processes', pattern: /\b(ProcessPoolExecutor|create_subprocess_(?:exec|shell))\b/g },
  { need: 'hard-links', pattern: /\b(os\.link)[ \t]{0,9}\(/g },
  { need: 'priorities', pattern: /\b(os\.(?:nice|[sg]etpriority))[ \t]{0,9}\(/g },
  { need: 'maps', pattern: /['"](\/proc\/self\/maps)['"]/g },
  { need: 'proc', pattern: /['"](\/proc\/(?!self\/(?:exe|maps)\b)[\w/.{}-]{1,60})['"]/g },
]

const languages: { interpreter: RegExp; files: RegExp; patterns: Pattern[]; blank(text: string): string }[] =
  [
    {
      interpreter: /^(?:node|nodejs|deno|bun)$/,
      files: /\.[cm]?js$/,
      patterns: javascript,
      // Comments become empty lines: only those that begin a line, since strings may hold the same signs. One that does
      // not end takes all the rest, or else a file full of beginnings would take quadratic time.
      blank: (text) =>
        text
          .replace(/^[ \t]*\/\/.*$/gm, '')
          .replace(/^[ \t]*\/\*[\s\S]*?(?:\*\/|(?![\s\S]))/gm, (comment) => comment.replace(/[^\n]+/g, '')),
    },
    {
      interpreter: /^python/,
      files: /\.py$/,
      patterns: python,
      blank: (text) => text.replace(/^[ \t]*#.*$/gm, ''),
    },
  ]

/** Larger files are data, or bundles that hold more than anybody runs. */
const maxFileBytes = 4 << 20
const maxBytes = 64 << 20
const maxUses = 500

/**
 * What the files of a function ask for that not every kernel has, by their text: guesses, each with its place. Nothing
 * is run.
 */
export function scriptUses(task: Tree, interpreter: string): ScriptUse[] {
  const language = languages.find((each) => each.interpreter.test(interpreter))
  if (!language) return []
  const uses: ScriptUse[] = []
  let bytes = 0
  for (const [file, entry] of task.sorted()) {
    if (entry.kind !== 'file' || !language.files.test(file) || entry.content.size > maxFileBytes) continue
    bytes += entry.content.size
    if (bytes > maxBytes || uses.length >= maxUses) break
    uses.push(...textUses(contentBytes(entry.content).toString('utf8'), file, language))
  }
  return uses
}

function textUses(
  text: string,
  file: string,
  { patterns, blank }: Pick<(typeof languages)[number], 'patterns' | 'blank'>,
): ScriptUse[] {
  const owner = packageOf(file)
  const uses: ScriptUse[] = []
  let code: string | undefined
  for (const { need, pattern } of patterns) {
    if (!new RegExp(pattern.source, pattern.flags.replace('g', '')).test(text)) continue
    code ??= blank(text)
    for (const match of code.matchAll(pattern)) {
      const line = lineOf(code, match.index + match[0].lastIndexOf(match[1]!))
      uses.push({ need, file, line, what: match[1]!, ...(owner !== undefined && { package: owner }) })
      // One place of a kind in a file says enough.
      break
    }
  }
  return uses
}

function lineOf(text: string, at: number): number {
  let line = 1
  for (let next = text.indexOf('\n'); next >= 0 && next < at; next = text.indexOf('\n', next + 1)) line++
  return line
}

function packageOf(file: string): string | undefined {
  const inside = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(file)
  if (inside) return inside[1]
  return /(?:^|\/)(?:site-packages|\.ufr\/python)\/([^/]+)/.exec(file)?.[1]
}
