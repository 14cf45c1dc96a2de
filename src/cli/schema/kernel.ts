import type { XStatic } from 'typebox/schema'
import { already, brokenEntries, entry } from './entry.ts'
import { draft } from './parts.ts'

export const kernelLsSchema = {
  $schema: draft,
  title: 'ufr kernel ls --json',
  type: 'object',
  required: ['kernels', 'broken'],
  properties: { kernels: { type: 'array', items: entry }, broken: brokenEntries },
} as const

/** Of `kernel pull`, `kernel import` and `kernel build`. */
export const kernelAddedSchema = {
  $schema: draft,
  title: 'ufr kernel pull --json, ufr kernel import --json, ufr kernel build --json',
  type: 'object',
  required: ['kernel', 'already'],
  properties: { kernel: entry, already },
} as const

export type KernelLsReport = XStatic<typeof kernelLsSchema>
export type KernelAddedReport = XStatic<typeof kernelAddedSchema>
