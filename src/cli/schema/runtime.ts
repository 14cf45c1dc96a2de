import type { XStatic } from 'typebox/schema'
import { draft, errorFacts, sha256, time } from './parts.ts'

/** A language runtime of the store. */
const runtime = {
  type: 'object',
  required: ['language', 'version', 'program', 'key', 'folder', 'root', 'packages', 'at'],
  properties: {
    language: { description: 'Such as node.', type: 'string' },
    version: { type: 'string' },
    program: { description: 'Path of its program in root, such as usr/bin/node.', type: 'string' },
    key: { description: 'sha256 over path, mode and content of everything in root.', ...sha256 },
    folder: { description: 'Absolute path in the store.', type: 'string' },
    root: { description: "Absolute path of the guest's root that the runtime brings.", type: 'string' },
    packages: {
      description: 'What it was made of.',
      type: 'array',
      items: {
        type: 'object',
        required: ['from', 'name', 'version', 'sha256'],
        properties: {
          from: { description: 'debian or npm.', type: 'string' },
          name: { type: 'string' },
          version: { type: 'string' },
          sha256,
        },
      },
    },
    at: time,
  },
} as const

export const runtimeLsSchema = {
  $schema: draft,
  title: 'ufr runtime ls --json',
  type: 'object',
  required: ['runtimes', 'broken'],
  properties: {
    runtimes: { description: 'By language, the newest version first.', type: 'array', items: runtime },
    broken: {
      description: 'Entries of the store whose record or files are damaged.',
      type: 'array',
      items: {
        type: 'object',
        required: ['language', 'version', 'folder', 'error'],
        properties: {
          language: { type: 'string' },
          version: { type: 'string' },
          folder: { type: 'string' },
          error: errorFacts,
        },
      },
    },
  },
} as const

export const runtimePullSchema = {
  $schema: draft,
  title: 'ufr runtime pull --json',
  type: 'object',
  required: ['runtime', 'already'],
  properties: {
    runtime,
    already: { description: 'Whether it was in the store before.', type: 'boolean' },
  },
} as const

export type RuntimeLsReport = XStatic<typeof runtimeLsSchema>
export type RuntimePullReport = XStatic<typeof runtimePullSchema>
