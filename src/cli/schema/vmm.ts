import type { XStatic } from 'typebox/schema'
import { already, brokenEntries, entry } from './entry.ts'
import { draft } from './parts.ts'

export const vmmLsSchema = {
  $schema: draft,
  title: 'ufr vmm ls --json',
  type: 'object',
  required: ['vmms', 'broken'],
  properties: { vmms: { type: 'array', items: entry }, broken: brokenEntries },
} as const

/** Of `vmm pull`, `vmm import` and `vmm build`. */
export const vmmAddedSchema = {
  $schema: draft,
  title: 'ufr vmm pull --json, ufr vmm import --json, ufr vmm build --json',
  type: 'object',
  required: ['vmm', 'already'],
  properties: { vmm: entry, already },
} as const

export type VmmLsReport = XStatic<typeof vmmLsSchema>
export type VmmAddedReport = XStatic<typeof vmmAddedSchema>
