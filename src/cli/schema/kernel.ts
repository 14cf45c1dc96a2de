import type { XStatic } from 'typebox/schema'
import { bytes, draft, errorFacts, sha256, time } from './parts.ts'

/** A kernel of the store. */
const kernel = {
  type: 'object',
  required: [
    'schemaVersion',
    'name',
    'version',
    'digest',
    'files',
    'details',
    'provenance',
    'folder',
    'isDefault',
  ],
  properties: {
    schemaVersion: { const: 1 },
    name: { description: 'nanos or linux.', type: 'string' },
    version: { type: 'string' },
    digest: { description: 'Names the content: sha256 over role, path and sha256 of all files.', ...sha256 },
    files: {
      type: 'array',
      items: {
        type: 'object',
        required: ['role', 'path', 'bytes', 'sha256'],
        properties: {
          role: { description: 'What it is to the unikernel, such as kernel or module.', type: 'string' },
          path: { description: "Below the kernel's folder.", type: 'string' },
          bytes,
          sha256,
        },
      },
    },
    details: {
      description: "Facts such as Linux's release.",
      type: 'object',
      additionalProperties: { type: 'string' },
    },
    provenance: {
      description: 'How it came into the store.',
      type: 'object',
      required: ['how', 'from', 'at'],
      properties: {
        how: { enum: ['pull', 'import', 'build'] },
        from: { description: 'Address, package or path that it was taken from.', type: 'string' },
        at: time,
        sha256: { description: 'Of what was downloaded or imported, where that is one file.', ...sha256 },
        upstreamChecksum: {
          description: 'The sum that upstream publishes, checked.',
          type: 'object',
          required: ['algorithm', 'value', 'weak'],
          properties: {
            algorithm: { type: 'string' },
            value: { type: 'string' },
            weak: { description: 'Whether it finds damage only, and no malice.', type: 'boolean' },
          },
        },
      },
    },
    folder: { description: 'Absolute path in the store.', type: 'string' },
    isDefault: { description: 'Whether it is what its name alone stands for.', type: 'boolean' },
  },
} as const

export const kernelLsSchema = {
  $schema: draft,
  title: 'ufr kernel ls --json',
  type: 'object',
  required: ['kernels', 'broken'],
  properties: {
    kernels: { type: 'array', items: kernel },
    broken: {
      description: 'Entries of the store whose record or files are damaged.',
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'version', 'folder', 'error'],
        properties: {
          name: { type: 'string' },
          version: { type: 'string' },
          folder: { type: 'string' },
          error: errorFacts,
        },
      },
    },
  },
} as const

/** Of `kernel pull` and of `kernel import`. */
export const kernelAddedSchema = {
  $schema: draft,
  title: 'ufr kernel pull --json, ufr kernel import --json',
  type: 'object',
  required: ['kernel', 'already'],
  properties: {
    kernel,
    already: { description: 'Whether it was in the store before.', type: 'boolean' },
  },
} as const

export type KernelLsReport = XStatic<typeof kernelLsSchema>
export type KernelAddedReport = XStatic<typeof kernelAddedSchema>
