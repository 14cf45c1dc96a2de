import { readFileSync } from 'node:fs'

/** The package's version; the same two steps up from src/cli and from dist/cli. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
}
