import fs from 'node:fs'
import path from 'node:path'
import { writeFileAtomic } from '../../../src/base/atomic.ts'
import type { UnikernelName, VmmName } from '../../../src/function/spec.ts'
import type { LinkKind } from '../../../src/vmm/machine.ts'
import type { Accel } from '../../../src/vmm/vmm.ts'
import type { ExampleShape, LanguageName } from './table.ts'

/** What came of an example when it was run last with UFR_RECORD=1: `node test/live/languages.test.ts` writes them. */
export interface LanguageResult {
  language: LanguageName
  shape: ExampleShape
  kernel: UnikernelName
  vmm: VmmName
  accel: Accel
  link: LinkKind
  works: boolean
  /** Where it works: what it ran on. */
  kernelVersion?: string
  vmmVersion: string
  /** Day of the run. */
  date: string
}

/** A line each, so that a run's changes are easy to see. */
const file = path.join(import.meta.dirname, 'results.jsonl')

export function readResults(): LanguageResult[] {
  const lines = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n') : []
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LanguageResult)
}

export function cellKey({
  kernel,
  vmm,
  language,
  shape,
}: Pick<LanguageResult, 'kernel' | 'vmm' | 'language' | 'shape'>): string {
  return `${kernel} ${vmm} ${language} ${shape}`
}

/** Puts a result into the file, in the place of an older one of the same cell. */
export function recordResult(result: LanguageResult): void {
  const all = new Map([...readResults(), result].map((each) => [cellKey(each), each]))
  const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => JSON.stringify(each))
  writeFileAtomic(file, `${sorted.join('\n')}\n`)
}
