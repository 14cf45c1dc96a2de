import assert from 'node:assert/strict'
import { Errors } from 'typebox/schema'
import { errorSchema } from '../../src/cli/schema/error.ts'
import { commandSchemas } from '../../src/cli/schema/table.ts'

/** Words of a command that has a schema. */
export type CommandWords = keyof typeof commandSchemas

/** As a schema, but an object may have only the keys that are described: else a key could come without a word on it. */
export function strict(schema: unknown): object {
  const closed = Object.entries(schema as object).map(([key, value]) => [key, strictValue(value)])
  const { properties, additionalProperties } = schema as Record<string, unknown>
  const open = properties === undefined || additionalProperties !== undefined
  return { ...Object.fromEntries(closed), ...(open ? {} : { additionalProperties: false }) }
}

function strictValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strictValue)
  return typeof value === 'object' && value !== null ? strict(value) : value
}

function check(schema: object, text: string, what: string): unknown {
  const value: unknown = JSON.parse(text)
  const [good, errors] = Errors(strict(schema), value)
  const first = errors.slice(0, 5).map(({ instancePath, message }) => `${instancePath}: ${message}`)
  assert.ok(good, `${what} is not as its schema has it: ${first.join('; ')}\n${text.slice(0, 2000)}`)
  return value
}

/** Checks the document that a command printed, and gives it back. */
// biome-ignore lint/suspicious/noExplicitAny: what a test looks at next is checked by the test
export function document(words: CommandWords, text: string): any {
  return check(commandSchemas[words], text, `the document of ufr ${words}`)
}

/** Checks the error that a command printed, and gives back what it says. */
export function errorDocument(text: string): {
  code: string
  message: string
  fix: string
  detail: string[]
} {
  return (check(errorSchema, text, 'the error') as { error: ReturnType<typeof errorDocument> }).error
}
