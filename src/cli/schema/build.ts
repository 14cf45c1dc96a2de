import type { XStatic } from 'typebox/schema'
import { draft, image, unikernelName } from './parts.ts'

export const buildSchema = {
  $schema: draft,
  title: 'ufr build --json',
  type: 'object',
  required: ['function', 'unikernel', 'image'],
  properties: {
    function: { description: 'Name of the function.', type: 'string' },
    unikernel: unikernelName,
    image,
    output: { description: 'Absolute path of the disk that -o asked for.', type: 'string' },
  },
} as const

export type BuildReport = XStatic<typeof buildSchema>
