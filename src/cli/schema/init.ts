import type { XStatic } from 'typebox/schema'
import { draft } from './parts.ts'

const written = {
  title: 'A ufr.json was written',
  type: 'object',
  required: ['file', 'config', 'lost'],
  properties: {
    file: { description: 'Absolute path of the ufr.json.', type: 'string' },
    config: { description: 'What is in it: ufr.schema.json.', type: 'object', additionalProperties: true },
    lost: {
      description: "What of another tool's input is not in it, one sentence each.",
      type: 'array',
      items: { type: 'string' },
    },
  },
} as const

const copied = {
  title: 'An example was written (--example)',
  type: 'object',
  required: ['example', 'folder'],
  properties: {
    example: { description: 'Name of the example.', type: 'string' },
    folder: { description: 'Absolute path of the folder that has it now.', type: 'string' },
  },
} as const

export const initSchema = { $schema: draft, title: 'ufr init --json', anyOf: [written, copied] } as const

export type WrittenReport = XStatic<typeof written>
export type CopiedReport = XStatic<typeof copied>
