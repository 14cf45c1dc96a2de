import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { generated, staleDocs } from '../script/docs.ts'
import { errorTable } from '../src/base/error-table.ts'
import { parseConfig } from '../src/function/config.ts'
import { configSchema } from '../src/function/schema.ts'
import { defaultIgnores } from '../src/image/folder/ignore.ts'

const root = path.join(import.meta.dirname, '..')
const reference = fs.readFileSync(path.join(root, 'docs/ufr-json.md'), 'utf8')

test('the generated documents are up to date (else: node script/docs.ts)', () => {
  assert.deepEqual(staleDocs(), [])
  execFileSync(process.execPath, [path.join(root, 'script/docs.ts'), '--check'], { stdio: 'pipe' })
})

test('docs/errors.md has every code once', () => {
  const page = generated['docs/errors.md']!()
  const codes = [...page.matchAll(/^## (.*)$/gm)].map((m) => m[1])
  assert.deepEqual(codes, Object.keys(errorTable).sort())
})

test('every example in docs/ufr-json.md is a good ufr.json', () => {
  const examples = [...reference.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map((m) => m[1]!)
  assert.ok(examples.length >= 10)
  for (const example of examples) parseConfig(example, `docs/ufr-json.md: ${example}`)
})

test('docs/ufr-json.md has a section for every key and names every default ignore', () => {
  for (const key of Object.keys(configSchema.properties))
    assert.match(reference, new RegExp(`^### .*\`${key.replace('$', '\\$')}\``, 'm'))
  for (const line of defaultIgnores) assert.ok(reference.includes(`\`${line}\``), line)
})

test('docs/ufr-json.md gives the limits and defaults of the schema', () => {
  for (const [key, schema] of Object.entries(configSchema.properties)) {
    if (!('minimum' in schema)) continue
    const section = reference.slice(reference.indexOf(`### \`${key}\``)).split(/\n### /)[0]!
    assert.ok(section.includes(`${schema.minimum} to ${schema.maximum}`), key)
    if ('default' in schema) assert.ok(section.includes(`Default: ${schema.default}`), key)
  }
})
