import type { XStatic } from 'typebox/schema'
import { draft, unikernelName } from './parts.ts'

const verdict = {
  description: 'Whether it will run there, as far as can be seen without running it.',
  enum: ['fits', 'unknown', 'may fail', 'fails'],
} as const

const finding = {
  type: 'object',
  required: ['level', 'code', 'message', 'calls'],
  properties: {
    level: {
      description:
        'fails: it cannot work; may fail: when the function comes to that place; unknown: it cannot be seen; note: only worth knowing.',
      enum: ['fails', 'may fail', 'unknown', 'note'],
    },
    code: { description: 'For `ufr explain`.', type: 'string', pattern: '^UFR-[A-Z]+(-[A-Z]+)*$' },
    message: { description: 'One sentence.', type: 'string' },
    calls: {
      description: 'System calls that it is about and that the kernel lacks.',
      type: 'array',
      items: { type: 'string' },
    },
    where: { description: 'FILE:LINE of a source, or the file in the guest with the code.', type: 'string' },
    fix: { description: 'What to do.', type: 'string' },
  },
} as const

const kernel = {
  type: 'object',
  required: ['unikernel', 'kernelVersion', 'table', 'verdict', 'findings', 'doneWithout'],
  properties: {
    unikernel: unikernelName,
    kernelVersion: {
      description: 'Version of the kernel in the store; null where there is none.',
      type: ['string', 'null'],
    },
    table: {
      description: 'What is known of the kernel, and from where.',
      type: 'object',
      required: ['version', 'origin', 'exact'],
      properties: {
        version: { type: 'string' },
        origin: { description: 'Repository, commit, and what was read there.', type: 'string' },
        exact: {
          description:
            'Whether it is of the version in the store, and not of another one of the same kernel.',
          type: 'boolean',
        },
      },
    },
    verdict,
    findings: { description: 'Worst first.', type: 'array', items: finding },
    doneWithout: {
      description: 'System calls that the kernel lacks and that whoever makes them does without.',
      type: 'array',
      items: { type: 'string' },
    },
  },
} as const

export const checkSchema = {
  $schema: draft,
  title: 'ufr check --json',
  type: 'object',
  required: ['function', 'runtime', 'kernels'],
  properties: {
    function: { description: 'Name of the function.', type: 'string' },
    runtime: { description: 'As in ufr.json.', type: 'string' },
    kernels: { type: 'array', items: kernel },
  },
} as const

export type CheckReport = XStatic<typeof checkSchema>
