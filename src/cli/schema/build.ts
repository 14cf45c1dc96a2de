import type { XStatic } from 'typebox/schema'
import { bytes, draft, image, unikernelName } from './parts.ts'

const path = { description: 'Absolute path in the guest.', type: 'string' } as const

/** What `--observe` saw. */
export const observed = {
  description: 'What --observe saw, or --shrink took from what was observed before.',
  type: 'object',
  required: ['at', 'events', 'complete', 'used', 'unused', 'added', 'refused', 'shrunk'],
  properties: {
    at: { description: 'When it was observed: ISO 8601, UTC.', type: 'string' },
    events: {
      description: 'What the function was asked, for people.',
      type: 'array',
      items: { type: 'string' },
    },
    complete: { description: 'Whether all of that was answered, and all seen.', type: 'boolean' },
    used: {
      description: 'Files of the image that the function asked for.',
      type: 'object',
      required: ['files', 'bytes'],
      properties: { files: bytes, bytes },
    },
    unused: {
      description: 'Files that the image carries for nothing; not those that a shrunk image no longer has.',
      type: 'object',
      required: ['files', 'bytes'],
      properties: { files: bytes, bytes },
    },
    added: {
      description: 'Files that the image would have lacked.',
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'from', 'bytes', 'why'],
        properties: {
          path,
          from: { description: 'Where it is on the host.', type: 'string' },
          bytes,
          why: { description: 'For people.', type: 'string' },
        },
      },
    },
    refused: {
      description: 'Files that it asked for in vain and the host has, but that are not added.',
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'why'],
        properties: { path, why: { description: 'For people.', type: 'string' } },
      },
    },
    shrunk: { description: 'Whether the image has only what was used, and a safe set.', type: 'boolean' },
  },
} as const

export const buildSchema = {
  $schema: draft,
  title: 'ufr build --json',
  type: 'object',
  required: ['function', 'unikernel', 'image'],
  properties: {
    function: { description: 'Name of the function.', type: 'string' },
    unikernel: unikernelName,
    image,
    observed,
    output: { description: 'Absolute path of the disk that -o asked for.', type: 'string' },
  },
} as const

export type BuildReport = XStatic<typeof buildSchema>
