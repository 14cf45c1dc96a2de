import type { XStatic } from 'typebox/schema'
import { draft } from './parts.ts'

export const removedSchema = {
  $schema: draft,
  title: 'ufr kernel rm --json, ufr vmm rm --json, ufr runtime rm --json',
  type: 'object',
  required: ['removed'],
  properties: { removed: { description: 'Absolute path of the folder that is gone.', type: 'string' } },
} as const

export type RemovedReport = XStatic<typeof removedSchema>
