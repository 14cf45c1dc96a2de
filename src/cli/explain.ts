import { errorTable } from '../base/error-table.ts'
import { UfrError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import { type Action, printJson } from './outcome.ts'
import type { ExplainReport } from './schema/host.ts'

const statusWords: Record<number, string> = {
  1: 'the function failed',
  2: 'wrong use',
  3: 'the host lacks something',
  4: 'the build failed',
  5: 'the guest failed to boot or died',
}

export const explain: Action = ({ words, json }) => {
  const code = String(words[0]).toUpperCase()
  const entry = Object.entries(errorTable).find(([name]) => name === code)?.[1]
  if (!entry) {
    const message = `there is no error code ${code}${didYouMean(code, Object.keys(errorTable))}`
    throw new UfrError('UFR-USAGE', message, { fix: 'All codes are in docs/errors.md.' })
  }
  if (json) printJson<ExplainReport>({ code, ...entry })
  else
    process.stdout.write(
      `${code}: ${entry.title}\n${entry.fix}\nExit status ${entry.status}: ${statusWords[entry.status]}.\n`,
    )
  return 0
}
