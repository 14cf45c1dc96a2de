import type { XStatic } from 'typebox/schema'
import { draft, errorFacts } from './parts.ts'

export const errorSchema = {
  $schema: draft,
  title: 'An error of any command',
  description:
    'Printed in place of the document of the command, with the exit status that docs/errors.md names for the code.',
  type: 'object',
  required: ['error'],
  properties: { error: errorFacts },
} as const

export type ErrorDocument = XStatic<typeof errorSchema>
