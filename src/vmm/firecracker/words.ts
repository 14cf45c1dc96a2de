const keptLines = 12

/** What Firecracker said, for people: its standard error and its log, without times and what says nothing. */
export function wordsOf(errors: string, log: string): string[] {
  const said = errors.split('\n').map((line) => line.trim())
  const logged = log.split('\n').map((line) => line.replace(/^\S+ \[[^\]]*\] /, '').trim())
  const lines = [...said, ...logged].filter((line) => line !== '' && !empty.test(line))
  return lines.slice(-keptLines)
}

/** That it ends is known already; the jailer says each error once more in Rust's own notation. */
const empty = /^Firecracker exiting|^Error: |^mount: \(hint\)/
