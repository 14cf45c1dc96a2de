import { didYouMean } from '../base/nearest.ts'

interface Annotations {
  readonly $schema?: string
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
}

/** The part of JSON Schema that `checkValue` knows: a schema that uses more of it does not pass the type check. */
export type Schema = Annotations &
  (
    | { readonly type: 'boolean' }
    | { readonly type: 'integer'; readonly minimum: number; readonly maximum: number }
    | StringSchema
    | { readonly enum: readonly string[] }
    | ArraySchema
    | ObjectSchema
    | { readonly anyOf: readonly Schema[] }
  )

interface StringSchema extends Annotations {
  readonly type: 'string'
  readonly maxLength?: number
  readonly pattern?: string
  /** What the pattern means, for people; Visual Studio Code shows it as well. Begins with "must". */
  readonly patternErrorMessage?: string
}

interface ArraySchema extends Annotations {
  readonly type: 'array'
  readonly items: Schema
  readonly maxItems: number
}

interface ObjectSchema extends Annotations {
  readonly type: 'object'
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly propertyNames?: StringSchema
  readonly additionalProperties: false | Schema
}

export type ValuePath = readonly (string | number)[]

export interface Problem {
  path: ValuePath
  /** Whether it is about the key itself and not its value. */
  atKey: boolean
  message: string
  /** What the schema says about the place. */
  about?: string
}

const maxProblems = 20

/** Everything that is wrong with a value that came out of JSON, but not more than 20 things. */
export function checkValue(schema: Schema, value: unknown, path: ValuePath = []): Problem[] {
  const problems: Problem[] = []
  walk(schema, value, path, problems)
  return problems.slice(0, maxProblems)
}

/** A path as people write it: `files[0].from`. */
export function pathText(path: ValuePath): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i > 0 ? `.${part}` : part)).join('')
}

function walk(schema: Schema, value: unknown, path: ValuePath, problems: Problem[]): void {
  if (problems.length >= maxProblems) return
  if ('anyOf' in schema) {
    const fitting = schema.anyOf.find((one) => hasType(one, value))
    if (fitting) walk(fitting, value, path, problems)
    else problems.push(problem(schema, path, `${rule(schema)}, not ${shown(value)}`))
  } else if (!hasType(schema, value)) {
    problems.push(problem(schema, path, `${rule(schema)}, not ${shown(value)}${suggestion(schema, value)}`))
  } else if ('enum' in schema) {
    if (schema.enum.includes(value as string)) return
    const near = didYouMean(value as string, schema.enum)
    problems.push(problem(schema, path, `${rule(schema)}, not ${shown(value)}${near}`))
  } else if (schema.type === 'integer') {
    const n = value as number
    if (n >= schema.minimum && n <= schema.maximum) return
    problems.push(problem(schema, path, `${rule(schema)}, not ${n}`))
  } else if (schema.type === 'string') {
    const wrong = wrongString(schema, value as string)
    if (wrong) problems.push(problem(schema, path, wrong))
  } else if (schema.type === 'array') {
    walkArray(schema, value as unknown[], path, problems)
  } else if (schema.type === 'object') {
    walkObject(schema, value as Record<string, unknown>, path, problems)
  }
}

function walkArray(schema: ArraySchema, items: unknown[], path: ValuePath, problems: Problem[]): void {
  if (items.length > schema.maxItems) {
    problems.push(
      problem(schema, path, `must not have more than ${schema.maxItems} items, but has ${items.length}`),
    )
    return
  }
  for (const [i, item] of items.entries()) walk(schema.items, item, [...path, i], problems)
}

function walkObject(
  schema: ObjectSchema,
  object: Record<string, unknown>,
  path: ValuePath,
  problems: Problem[],
): void {
  const properties = schema.properties ?? {}
  for (const [key, value] of Object.entries(object)) {
    const at = [...path, key]
    const known = Object.hasOwn(properties, key) ? properties[key] : undefined
    const wrongName = schema.propertyNames && wrongString(schema.propertyNames, key)
    if (wrongName) problems.push({ path: at, atKey: true, message: `the name ${shown(key)} ${wrongName}` })
    if (known) walk(known, value, at, problems)
    else if (schema.additionalProperties) walk(schema.additionalProperties, value, at, problems)
    else problems.push(unknownKey(at, key, Object.keys(properties)))
  }
  for (const key of schema.required ?? []) {
    if (!Object.hasOwn(object, key)) problems.push(problem(schema, path, `must have the key ${shown(key)}`))
  }
}

function unknownKey(path: ValuePath, key: string, known: string[]): Problem {
  const where = path.length > 1 ? ` in ${pathText(path.slice(0, -1))}` : ''
  const near = didYouMean(key, known)
  const message = `unknown key ${shown(key)}${where}${near || `; the keys are ${known.join(', ')}`}`
  return { path, atKey: true, message }
}

function problem(schema: Schema, path: ValuePath, message: string): Problem {
  const subject = path.length > 0 ? pathText(path) : 'it'
  const about = schema.description === undefined ? {} : { about: `${subject}: ${schema.description}` }
  return { path, atKey: false, message: `${subject} ${message}`, ...about }
}

function hasType(schema: Schema, value: unknown): boolean {
  if ('anyOf' in schema) return schema.anyOf.some((one) => hasType(one, value))
  if ('enum' in schema) return typeof value === 'string'
  if (schema.type === 'integer') return Number.isInteger(value)
  if (schema.type === 'array') return Array.isArray(value)
  if (schema.type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  return typeof value === schema.type
}

function wrongString(schema: StringSchema, value: string): string | undefined {
  const { maxLength, pattern } = schema
  if (maxLength !== undefined && value.length > maxLength && [...value].length > maxLength) {
    return `must not be longer than ${maxLength} characters`
  }
  if (pattern === undefined || new RegExp(pattern, 'u').test(value)) return undefined
  return `${schema.patternErrorMessage ?? `must match ${pattern}`}, not ${shown(value)}`
}

function rule(schema: Schema): string {
  return `must be ${kind(schema)}`
}

function kind(schema: Schema): string {
  if ('anyOf' in schema) return schema.anyOf.map(kind).join(' or ')
  if ('enum' in schema) return list(schema.enum.map((one) => JSON.stringify(one)))
  if (schema.type === 'integer') return `an integer from ${schema.minimum} to ${schema.maximum}`
  if (schema.type === 'boolean') return 'true or false'
  return { string: 'a string', array: 'a list', object: 'an object' }[schema.type]
}

function list(words: string[]): string {
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : words.join('')
}

/** What was found, short enough for a message. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const json = JSON.stringify(value)
  const short = json.length > 80 ? `${json.slice(0, 76)}…"` : json
  return typeof value === 'string' ? short : String(short)
}

/** For a value that only has the wrong type: `"512"` where 512 is meant, or the other way round. */
function suggestion(schema: Schema, value: unknown): string {
  if ('anyOf' in schema) return ''
  if ('enum' in schema) return ''
  if (schema.type === 'integer' && typeof value === 'string' && /^\d+$/.test(value)) {
    return ` (write ${Number(value)} without the quotes)`
  }
  if (schema.type === 'boolean' && (value === 'true' || value === 'false')) {
    return ` (write ${value} without the quotes)`
  }
  if (schema.type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    return ` (write "${value}" in quotes)`
  }
  if (schema.type === 'array' && typeof value === 'string') return ` (write [${JSON.stringify(value)}])`
  return ''
}
