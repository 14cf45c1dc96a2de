import { bytes, errorFacts, sha256, time } from './parts.ts'

/** A kernel or a VMM of the store. */
export const entry = {
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
    name: { description: 'Such as nanos or firecracker.', type: 'string' },
    version: { type: 'string' },
    digest: { description: 'Names the content: sha256 over role, path and sha256 of all files.', ...sha256 },
    files: {
      type: 'array',
      items: {
        type: 'object',
        required: ['role', 'path', 'bytes', 'sha256'],
        properties: {
          role: { description: 'What it is for, such as kernel, module or jailer.', type: 'string' },
          path: { description: 'Below the folder of the entry.', type: 'string' },
          bytes,
          sha256,
        },
      },
    },
    details: {
      description: 'Facts such as the release of Linux.',
      type: 'object',
      additionalProperties: { type: 'string' },
    },
    provenance: {
      description: 'How it came into the store.',
      type: 'object',
      required: ['how', 'from', 'at'],
      properties: {
        how: { enum: ['pull', 'import', 'build'] },
        from: { description: 'Address, package, path or repository that it was taken from.', type: 'string' },
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
        build: {
          description: 'What it was built from, where it was built here.',
          type: 'object',
          required: ['repo', 'ref', 'commit', 'command', 'output', 'submodules'],
          properties: {
            repo: { description: 'Address of the git repository.', type: 'string' },
            ref: { description: 'What was asked for.', type: 'string' },
            commit: { type: 'string' },
            command: { type: 'array', items: { type: 'string' } },
            output: { description: 'What was taken, as a path in the clone.', type: 'string' },
            submodules: {
              type: 'array',
              items: {
                type: 'object',
                required: ['path', 'commit'],
                properties: { path: { type: 'string' }, commit: { type: 'string' } },
              },
            },
          },
        },
      },
    },
    folder: { description: 'Absolute path in the store.', type: 'string' },
    isDefault: { description: 'Whether it is what its name alone stands for.', type: 'boolean' },
  },
} as const

/** An entry of the store whose record or files are damaged. */
export const brokenEntries = {
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
} as const

export const already = { description: 'Whether it was in the store before.', type: 'boolean' } as const
