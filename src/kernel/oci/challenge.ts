/** How a registry wants to be asked for a token. */
export interface Challenge {
  /** In small letters: `bearer`, `basic`. */
  scheme: string
  parameters: Record<string, string>
}

const maxLength = 8192
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const pair = `(${token})[ \\t]*=[ \\t]*(?:(${token})|"((?:[^"\\\\]|\\\\.)*)")`
const start = new RegExp(`^[ \\t,]*(${token})(?=[ \\t,]|$)`)
const parameter = new RegExp(`^[ \\t,]*${pair}[ \\t]*(?=,|$)`)

/**
 * The challenges in a WWW-Authenticate header (RFC 9110, 11.6.1), as far as they can be read: a scheme followed by
 * parameters. Several can stand behind each other.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = []
  let rest = header.slice(0, maxLength)
  for (;;) {
    const current = challenges.at(-1)
    const found = parameter.exec(rest)
    if (current && found) {
      current.parameters[found[1]!.toLowerCase()] = found[2] ?? found[3]!.replace(/\\(.)/gs, '$1')
      rest = rest.slice(found[0].length)
      continue
    }
    const scheme = start.exec(rest)
    if (!scheme) return challenges
    challenges.push({ scheme: scheme[1]!.toLowerCase(), parameters: Object.create(null) })
    rest = rest.slice(scheme[0].length)
  }
}
