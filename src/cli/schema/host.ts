import type { XStatic } from 'typebox/schema'
import { draft } from './parts.ts'

export const doctorSchema = {
  $schema: draft,
  title: 'ufr doctor --json',
  description: 'Exit status 0 where nothing is lacking, else 3.',
  type: 'object',
  required: ['ready', 'checks'],
  properties: {
    ready: { description: 'Whether nothing stands in the way of running functions.', type: 'boolean' },
    checks: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'state', 'found'],
        properties: {
          name: { description: 'What was looked at, such as qemu.', type: 'string' },
          state: {
            description: 'lacking stands in the way of running functions, optional does not.',
            enum: ['good', 'lacking', 'optional'],
          },
          found: { type: 'string' },
          fix: { description: 'A command that mends it, or what to do.', type: 'string' },
        },
      },
    },
  },
} as const

export type DoctorReport = XStatic<typeof doctorSchema>

export const explainSchema = {
  $schema: draft,
  title: 'ufr explain --json',
  type: 'object',
  required: ['code', 'status', 'title', 'fix'],
  properties: {
    code: { type: 'string' },
    status: {
      description: 'Exit status of a command that fails with it.',
      type: 'integer',
      minimum: 1,
      maximum: 5,
    },
    title: { description: 'What it means.', type: 'string' },
    fix: { description: 'What to do next, in general.', type: 'string' },
  },
} as const

export type ExplainReport = XStatic<typeof explainSchema>
