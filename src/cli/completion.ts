import { UfrError } from '../base/errors.ts'
import type { CommandSpec, Completion, OptionSpec } from './commands/spec.ts'
import { commands } from './commands.ts'
import type { Action } from './outcome.ts'

/** A command, and what can follow it on the command line. */
interface Point {
  /** Its words with a space before each: ` kernel ls`, nothing for `ufr` itself. */
  at: string
  words: { word: string; description: string }[]
  /** Whether files or folders can follow as well. */
  kind: 'file' | 'folder' | undefined
  options: Flag[]
}

interface Flag {
  names: string[]
  description: string
  /** Whether a value follows, and of what kind. */
  value?: { complete: Completion | undefined }
}

/** Everything that can be completed; the scripts of all shells are made from this list alone. */
export function completionPoints(): Point[] {
  const version = { flags: '-V, --version', description: 'print the version' }
  return [
    ...pointsOf('', { name: 'ufr', description: '', commands, options: [version] }),
    { at: ' help', words: commands.map(wordOf), kind: undefined, options: [] },
  ]
}

function pointsOf(at: string, spec: CommandSpec): Point[] {
  const subs = spec.commands ?? []
  const values = (spec.arguments ?? []).map(({ complete }) => complete)
  const words = values.flatMap((complete) => (typeof complete === 'object' ? complete : []))
  const help = { names: ['-h', '--help'], description: 'help' }
  const point: Point = {
    at,
    words: [...subs.map(wordOf), ...words.map((word) => ({ word, description: '' }))],
    kind: values.find((complete) => complete === 'file' || complete === 'folder'),
    options: [...(spec.options ?? []).map(flagOf), help],
  }
  if (at === '') point.words.push({ word: 'help', description: 'help on a command' })
  return [point, ...subs.flatMap((sub) => pointsOf(`${at} ${sub.name}`, sub))]
}

function wordOf({ name, summary, description }: CommandSpec): { word: string; description: string } {
  return { word: name, description: summary ?? description }
}

function flagOf({ flags, description, choices, complete }: OptionSpec): Flag {
  const parts = flags.split(/[ ,]+/)
  const names = parts.filter((part) => part.startsWith('-'))
  return {
    names,
    description,
    ...(parts.length > names.length && { value: { complete: choices ?? complete } }),
  }
}

export const completion: Action = ({ words }) => {
  const shell = String(words[0])
  const scripts: Record<string, () => string> = { bash, zsh, fish }
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined
  if (!script)
    throw new UfrError('UFR-USAGE', `no completion for ${shell}`, { fix: 'Shells are bash, zsh and fish.' })
  process.stdout.write(script())
  return 0
}

/**
 * For bash and zsh: a function that takes the words before the one to be completed and sets `candidates`, `flags` and
 * `kind` (file, folder or nothing) to what may follow them.
 */
function find(): string {
  const points = completionPoints()
  const commandCases = points.flatMap(({ at }) => (at === '' ? [] : [`'${at}'`]))
  const pointCases = points.map(({ at, words, kind = '', options }) => {
    const candidates = words.map(({ word }) => word).join(' ')
    const flags = options.flatMap(({ names }) => names).join(' ')
    return `    '${at}') candidates='${candidates}' flags='${flags}' kind=${kind} ;;`
  })
  const valueCases = points.flatMap(({ at, options }) =>
    options.flatMap(({ names, value }) => {
      if (!value) return []
      const { complete } = value
      const [candidates, kind] =
        typeof complete === 'object' ? [complete.join(' '), ''] : ['', complete ?? '']
      const patterns = names.map((name) => `'${at} ${name}'`).join('|')
      return [`    ${patterns}) candidates='${candidates}' flags= kind=${kind} ;;`]
    }),
  )
  return `_ufr_find() {
  local at= word previous=
  for word in "$@"; do
    if [ "$word" = '=' ]; then continue; fi
    case "$at $word" in
      ${commandCases.join('|')}) at="$at $word" ;;
    esac
    previous=$word
  done
  case "$at" in
${pointCases.join('\n')}
  esac
  case "$at $previous" in
${valueCases.join('\n')}
  esac
}`
}

// bash takes = for a word of its own.
function bash(): string {
  return `# bash completion for ufr
${find()}
_ufr() {
  local candidates flags kind current="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$current" = '=' ]; then current=; fi
  _ufr_find "\${COMP_WORDS[@]:1:COMP_CWORD-1}"
  if [[ $current == -* ]]; then candidates=$flags kind=; fi
  COMPREPLY=($(compgen -W "$candidates" -- "$current"))
  case "$kind" in
    file) compopt -o default ;;
    folder) compopt -o dirnames ;;
  esac
}
complete -F _ufr ufr
`
}

/** Works both ways: sourced, and as a file \`_ufr\` in one of the folders of fpath. */
function zsh(): string {
  return `#compdef ufr
# zsh completion for ufr
${find()}
_ufr() {
  local candidates flags kind
  _ufr_find "\${(@)words[2,CURRENT-1]}"
  if [[ $PREFIX == -* ]]; then candidates=$flags kind=; fi
  compadd -- \${=candidates}
  case "$kind" in
    file) _files ;;
    folder) _files -/ ;;
  esac
}
if [ "$funcstack[1]" = _ufr ]; then _ufr "$@"; else compdef _ufr ufr; fi
`
}

function fish(): string {
  const points = completionPoints()
  const known = points.flatMap(({ at }) => (at === '' ? [] : [`'${at}'`]))
  return `# fish completion for ufr
function __ufr_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$at $word" ${known.join(' ')}
      set at "$at $word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c ufr -f
${points.flatMap(fishLines).join('\n')}
`
}

function fishLines({ at, words, kind, options }: Point): string[] {
  const start = `complete -c ufr -n ${quote(`__ufr_at '${at}'`)}`
  const described = (line: string, description: string) =>
    description === '' ? line : `${line} -d ${quote(description)}`
  return [
    ...words.map(({ word, description }) => described(`${start} -a ${word}`, description)),
    ...(kind ? [`${start} ${fishValue(kind)}`] : []),
    ...options.map(({ names, description, value }) => {
      const flags = names.map((name) =>
        name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      )
      const more = value ? [value.complete === 'file' ? '-r' : '-x', fishValue(value.complete)] : []
      return described([start, ...flags, ...more].filter(Boolean).join(' '), description)
    }),
  ]
}

function fishValue(complete: Completion | undefined): string {
  if (complete === undefined) return ''
  if (complete === 'file') return '-F'
  return `-a ${quote(complete === 'folder' ? '(__fish_complete_directories)' : complete.join(' '))}`
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
