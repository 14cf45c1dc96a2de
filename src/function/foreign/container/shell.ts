/** Characters that mean themselves to every shell, wherever they stand in a word. */
const plain = /^[A-Za-z0-9_./:,@%+=-]+$/
/** A shell's own words: no programs of these names are meant by them. */
const own = new Set(
  `. : [ alias bg break builtin case cd command continue declare do done echo else esac eval exit export false fg fi for
  function getopts hash if in jobs kill let local printf pwd read readonly return select set shift source test then time
  times trap true type typeset ulimit umask unalias unset until wait while { }`.split(/\s+/),
)

/** Programs whose scripts cannot be run where no further program can be started. */
export const shells = new Set(['sh', 'ash', 'bash', 'busybox', 'dash', 'ksh', 'mksh', 'zsh'])

/**
 * The words of a shell's command that does nothing but start one program: then the program can be started without the
 * shell. A leading `exec` changes nothing about that. Whatever a shell would replace, redirect, join or assign is not
 * guessed at.
 * @returns undefined for everything else.
 */
export function simpleCommand(text: string): string[] | undefined {
  const words = plainWords(text)
  if (words?.[0] === 'exec') words.shift()
  const [program] = words ?? []
  if (program === undefined || program.startsWith('-') || program.includes('=') || own.has(program))
    return undefined
  return words
}

/** The words of a command line in which a shell would replace, redirect, join and assign nothing; else undefined. */
export function plainWords(text: string): string[] | undefined {
  const words: string[] = []
  if (text.trim().includes('\n')) return undefined
  for (const [, double, single, bare] of text.trim().matchAll(/"([^"]*)"(?=\s|$)|'([^']*)'(?=\s|$)|(\S+)/g)) {
    if (double !== undefined && /[$`\\!]/.test(double)) return undefined
    if (bare !== undefined && !plain.test(bare)) return undefined
    words.push(double ?? single ?? bare!)
  }
  const [program = ''] = words
  return program === '' || program.startsWith('-') ? undefined : words
}
