import { UfrError } from '../base/errors.ts'
import type { BrokenEntry, Entry } from '../kernel/entries.ts'
import { type Call, printJson } from './outcome.ts'
import type { RemovedReport } from './schema/removed.ts'
import { table } from './table.ts'

/** What `ls` prints of kernels and of VMMs. */
export function entryTable(heading: string, entries: Entry[], broken: BrokenEntry[]): string {
  const rows = entries.map(({ name, version, isDefault, provenance }) => [
    `${name}@${version}`,
    isDefault ? 'default' : '',
    provenance.how,
    origin(provenance),
  ])
  for (const { name, version, error } of broken)
    rows.push([`${name}@${version}`, 'broken', '', error.message])
  return table([heading, '', 'BY', 'FROM'], rows)
}

function origin({ from, build }: Entry['provenance']): string {
  return build ? `${from} ${build.ref} (${build.commit.slice(0, 8)})` : from
}

/** Broken entries as JSON has them. */
export function brokenReport(broken: BrokenEntry[]) {
  return broken.map(({ error, ...rest }) => ({ ...rest, error: error.toJSON() }))
}

/** `name@version` or `name`. */
export function nameAndVersion(word: unknown): { name: string; version?: string } {
  const text = String(word)
  const at = text.indexOf('@')
  return at < 0 ? { name: text } : { name: text.slice(0, at), version: text.slice(at + 1) }
}

/** The work of `rm`. @throws UfrError UFR-USAGE where the version is not said. */
export function removeOne(
  { words, json, progress }: Call,
  word: string,
  remove: (name: string, version: string) => string,
): number {
  const { name, version } = nameAndVersion(words[0])
  if (!name || !version) {
    const fix = `See \`ufr ${word} ls\`.`
    throw new UfrError('UFR-USAGE', `${words[0]} does not say which version`, { fix })
  }
  const folder = remove(name, version)
  if (json) printJson<RemovedReport>({ removed: folder })
  else progress.note(`Removed ${name}@${version}.`)
  return 0
}

/** Tells a person that something came into the store; its name is the result. */
export function tellRegistered({ progress }: Call, { name, version }: Entry, already: boolean): void {
  progress.note(already ? 'It was in the store already.' : 'It is in the store now.')
  process.stdout.write(`${name}@${version}\n`)
}
