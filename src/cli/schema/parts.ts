/** Pieces that several documents have. */

export const draft = 'http://json-schema.org/draft-07/schema#'

export const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const

export const bytes = { type: 'integer', minimum: 0 } as const

export const time = { description: 'ISO 8601, UTC.', type: 'string' } as const

export const unikernelName = { enum: ['nanos', 'osv', 'unikraft', 'linux'] } as const

/** An image as `run` and `build` tell of it. */
export const image = {
  description: 'The image that was booted or built.',
  type: 'object',
  required: ['digest', 'bytes', 'buildMs', 'cached'],
  properties: {
    digest: { description: 'sha256 over everything that decides what the image does.', ...sha256 },
    bytes: { description: 'What its volumes hold, in bytes.', ...bytes },
    buildMs: {
      description: 'Milliseconds from the first look at the sources to the last rename.',
      type: 'number',
      minimum: 0,
    },
    cached: { description: 'Whether nothing had to be written.', type: 'boolean' },
  },
} as const

/** What an error says of itself. */
export const errorFacts = {
  type: 'object',
  required: ['code', 'message', 'fix', 'detail'],
  properties: {
    code: {
      description: 'Stays the same for the same kind of error: docs/errors.md.',
      type: 'string',
      pattern: '^UFR-[A-Z]+(-[A-Z]+)*$',
    },
    message: { description: 'What happened.', type: 'string' },
    fix: { description: 'What to do next.', type: 'string' },
    detail: {
      description: "Further lines for a person, such as the guest's last console lines.",
      type: 'array',
      items: { type: 'string' },
    },
  },
} as const
