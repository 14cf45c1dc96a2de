import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { Check } from 'typebox/schema'
import { commands } from '../../src/cli/commands.ts'
import { commandSchemas, schemaFiles } from '../../src/cli/schema/table.ts'
import { allCommands, root } from './command.ts'
import { type CommandWords, document, errorDocument, strict } from './schemas.ts'

const page = fs.readFileSync(path.join(root, 'docs/json.md'), 'utf8')

test('every command with --json has a schema, and no other', () => {
  const words = allCommands(commands)
    .filter(({ spec }) => spec.options?.some(({ flags }) => flags === '--json'))
    .map((each) => each.words.join(' '))
  assert.deepEqual(Object.keys(commandSchemas).sort(), words.sort())
})

test('docs/json.md has an example for every kind of document, each as its schema has it', () => {
  const sections = page.split(/^## /m).slice(1)
  const titles = sections.map((section) => section.split('\n', 1)[0]!)
  assert.deepEqual(titles, ['Errors', ...Object.keys(commandSchemas).map((words) => `\`ufr ${words}\``)])
  for (const [i, section] of sections.entries()) {
    const examples = [...section.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map((match) => match[1]!)
    assert.ok(examples.length > 0, titles[i])
    const words = titles[i]!.replace(/^`ufr |`$/g, '') as CommandWords
    const documents = examples.map((text) => (i === 0 ? errorDocument(text) : document(words, text)))
    if (i === 0) continue
    const schema = commandSchemas[words]
    const kinds = 'anyOf' in schema ? schema.anyOf : [schema]
    for (const kind of kinds) {
      const shown = documents.some((value) => Check(strict(kind), value))
      assert.ok(shown, `${words}: no example of ${JSON.stringify(kind).slice(0, 80)}`)
    }
  }
})

test('what is not described, missing or of another kind is seen', () => {
  const good = {
    function: 'x',
    unikernel: 'linux',
    image: { digest: 'a'.repeat(64), bytes: 1, buildMs: 1, cached: true },
  }
  document('build', JSON.stringify(good))
  const { function: _, ...less } = good
  const bad = [
    less,
    { ...good, more: 1 },
    { ...good, unikernel: 'bsd' },
    { ...good, image: { ...good.image, x: 1 } },
  ]
  for (const value of bad)
    assert.throws(() => document('build', JSON.stringify(value)), /is not as its schema has it/)
})

test('every schema names its draft, and describes what it requires', () => {
  for (const [name, schema] of Object.entries(schemaFiles())) {
    assert.ok('$schema' in schema && schema.$schema === 'http://json-schema.org/draft-07/schema#', name)
    assert.deepEqual(undescribed(schema), [], name)
  }
})

/** Keys that an object must have although nothing is said about them. */
function undescribed(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { required = [], properties = {} } = schema as { required?: unknown; properties?: object }
  const own = Array.isArray(required) ? required.filter((key) => !Object.hasOwn(properties, key)) : []
  return [...own, ...Object.values(schema).flatMap(undescribed)]
}
