import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { checkout } from './sandbox.ts'

interface Entry {
  version: string
  resolved?: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

const lock: { packages: Record<string, Entry> } = JSON.parse(
  fs.readFileSync(path.join(checkout, 'package-lock.json'), 'utf8'),
)

// npm leaves out what it could not get for other platforms when it writes the file, and refuses the file for that later.
test('the lock file has every package that another one names, optional ones for other platforms too', () => {
  const missing = Object.entries(lock.packages).flatMap(([from, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !(`node_modules/${name}` in lock.packages))
      .map((name) => `${name}, wanted by ${from}`),
  )
  assert.deepEqual(missing, [])
})

test('the lock file names no registry: it is the business of whoever installs', () => {
  assert.deepEqual(
    Object.values(lock.packages).filter((entry) => entry.resolved !== undefined),
    [],
  )
})
