import { UfrError } from '../base/errors.ts'
import { type CommandSpec, commands } from './commands.ts'
import type { Action } from './outcome.ts'

/** A command with its words: `kernel ls`, what can follow it, and what its arguments are. */
interface Point {
  words: string
  followers: { word: string; description: string }[]
  choices: { option: string; values: string[] }[]
  files: boolean
}

/** Everything that can be completed, one point a command; the scripts are made from this list alone. */
export function completionPoints(): Point[] {
  const points: Point[] = []
  function add(words: string, spec: Pick<CommandSpec, 'commands' | 'options' | 'arguments'>): void {
    const subs = (spec.commands ?? []).map(({ name, summary, description }) => ({
      word: name,
      description: summary ?? description,
    }))
    const options = (spec.options ?? []).flatMap(({ flags, description }) =>
      flags.split(/[ ,]+/).flatMap((flag) => (flag.startsWith('-') ? [{ word: flag, description }] : [])),
    )
    const choices = (spec.options ?? []).flatMap(({ flags, choices: values }) =>
      values ? [{ option: /--[\w-]+/.exec(flags)![0], values }] : [],
    )
    const files = (spec.arguments ?? []).some(({ complete }) => complete)
    points.push({
      words,
      followers: [...subs, ...options, { word: '--help', description: 'help' }],
      choices,
      files,
    })
    for (const sub of spec.commands ?? []) add(`${words} ${sub.name}`.trim(), sub)
  }
  add('', { commands, options: [{ flags: '--version', description: 'print the version' }] })
  return points
}

export const completion: Action = ({ words }) => {
  const shell = String(words[0])
  const scripts: Record<string, () => string> = { bash, zsh, fish }
  const script = scripts[shell]
  if (!script)
    throw new UfrError('UFR-USAGE', `no completion for ${shell}`, { fix: 'Shells are bash, zsh and fish.' })
  process.stdout.write(script())
  return 0
}

/** Splits what was typed into the longest command that is known, in a way bash and zsh share. */
function cases(indent: string): string {
  return completionPoints()
    .map(({ words, followers, choices, files }) => {
      const values = choices
        .map(({ option, values }) => `${option}) reply="${values.join(' ')}" ;;`)
        .join(' ')
      const body = `words="${followers.map(({ word }) => word).join(' ')}"; files=${files ? 1 : 0}`
      const previous = values ? `; case "$previous" in ${values} esac` : ''
      return `${indent}"${words}") ${body}${previous} ;;`
    })
    .join('\n')
}

function known(): string {
  return completionPoints()
    .map(({ words }) => `"${words}"`)
    .join('|')
}

/** Shared by bash and zsh: sets reply, words and files from the typed words in "$@" and the one before the last. */
function resolve(): string {
  return `_ufr_resolve() {
  local command="" word; words=""; reply=""; files=0; previous=""
  for word in "$@"; do
    case "\${command:+$command }$word" in
      ${known()}) command="\${command:+$command }$word" ;;
    esac
    previous="$word"
  done
  case "$command" in
${cases('    ')}
  esac
}`
}

function bash(): string {
  return `# bash completion for ufr
${resolve()}
_ufr() {
  local words reply files previous current="\${COMP_WORDS[COMP_CWORD]}"
  _ufr_resolve "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  if [ -n "$reply" ]; then COMPREPLY=($(compgen -W "$reply" -- "$current")); return; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ "$files" = 1 ]; then COMPREPLY+=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _ufr ufr
`
}

function zsh(): string {
  return `#compdef ufr
# zsh completion for ufr
${resolve()}
_ufr() {
  local words_typed=("\${words[@]:1:$((CURRENT-2))}")
  local words reply files previous
  _ufr_resolve "\${words_typed[@]}"
  if [ -n "$reply" ]; then compadd -- \${=reply}; return; fi
  compadd -- \${=words}
  if [ "$files" = 1 ]; then _files; fi
}
if [ "$funcstack[1]" = _ufr ]; then _ufr "$@"; else compdef _ufr ufr; fi
`
}

function fish(): string {
  const lines = ['# fish completion for ufr', 'complete -c ufr -f']
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  for (const { words, followers, choices, files } of completionPoints()) {
    const typed = words.split(' ').filter(Boolean)
    const seen = typed.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ')
    const condition = quote(words ? seen : '__fish_use_subcommand')
    for (const { word, description } of followers) {
      const values = choices.find(({ option }) => option === word)?.values
      const what = word.startsWith('--')
        ? `-l ${word.slice(2)}`
        : word.startsWith('-')
          ? `-s ${word.slice(1)}`
          : `-a ${word}`
      const more = values ? ` -x -a ${quote(values.join(' '))}` : ''
      lines.push(`complete -c ufr -n ${condition} ${what}${more} -d ${quote(description)}`)
    }
    if (files) lines.push(`complete -c ufr -n ${condition} -F`)
  }
  return `${lines.join('\n')}\n`
}
