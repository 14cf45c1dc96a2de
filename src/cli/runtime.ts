import { UfrError } from '../base/errors.ts'
import { runtimeKind } from '../kernel/runtime-kinds.ts'
import { listRuntimes, removeRuntime } from '../kernel/runtimes.ts'
import { type Action, printJson } from './outcome.ts'
import type { RemovedReport } from './schema/removed.ts'
import type { RuntimeLsReport, RuntimePullReport } from './schema/runtime.ts'
import { table } from './table.ts'

export const list: Action = ({ json }) => {
  const { runtimes, broken } = listRuntimes()
  if (json) {
    const damaged = broken.map(({ error, ...rest }) => ({ ...rest, error: error.toJSON() }))
    printJson<RuntimeLsReport>({ runtimes, broken: damaged })
    return 0
  }
  const rows = runtimes.map(({ language, version, key }) => [`${language}@${version}`, key.slice(0, 12)])
  for (const { language, version, error } of broken)
    rows.push([`${language}@${version}`, `broken: ${error.message}`])
  process.stdout.write(table(['RUNTIME', 'KEY'], rows))
  return 0
}

export const pull: Action = async ({ words, options, json, progress }) => {
  const word = String(words[0])
  const kind = runtimeKind(word)
  const before = listRuntimes().runtimes
  const refresh = options['update'] === true
  const runtime = await kind.ensure(word, progress, { refresh })
  progress.done()
  const already = before.some(({ folder, key }) => folder === runtime.folder && key === runtime.key)
  if (json) printJson<RuntimePullReport>({ runtime, already })
  else {
    progress.note(already ? 'It was in the store already.' : 'It is in the store now.')
    process.stdout.write(`${runtime.language}@${runtime.version}\n`)
  }
  return 0
}

export const remove: Action = ({ words, json, progress }) => {
  const [language, version] = String(words[0]).split('@', 2)
  if (!language || !version) {
    throw new UfrError('UFR-USAGE', `${words[0]} does not say which version`, {
      fix: 'See `ufr runtime ls`.',
    })
  }
  const folder = removeRuntime(language, version)
  if (json) printJson<RemovedReport>({ removed: folder })
  else progress.note(`Removed ${words[0]}.`)
  return 0
}
