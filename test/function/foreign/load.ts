import assert from 'node:assert/strict'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { UfrError } from '../../../src/base/errors.ts'
import { noProgress } from '../../../src/base/progress.ts'
import { parseConfig } from '../../../src/function/config.ts'
import { type Foreign, findForeign, type Overrides } from '../../../src/function/foreign/foreign.ts'
import { kraftKind } from '../../../src/function/foreign/kraft/kind.ts'
import { opsKind } from '../../../src/function/foreign/ops/kind.ts'
import { osvKind } from '../../../src/function/foreign/osv/kind.ts'
import { makeFolder } from '../make.ts'

export const kinds = [osvKind, opsKind, kraftKind]

/** Loads a folder with these files, or one file of it, and checks that the ufr.json for it is one. */
export async function load(
  t: TestContext,
  files: Record<string, string | Uint8Array>,
  overrides: Overrides = {},
  input = '',
): Promise<Foreign & { folder: string }> {
  const folder = makeFolder(t, files, 'my-app')
  const { found } = findForeign(path.join(folder, input), kinds)
  assert.ok(found, 'nothing recognised')
  const foreign = await found.load(overrides, noProgress())
  parseConfig(JSON.stringify(foreign.config), 'ufr.json')
  return { ...foreign, folder }
}

/** The error of such a folder, without its path. */
export async function refused(
  t: TestContext,
  files: Record<string, string | Uint8Array>,
  overrides: Overrides = {},
): Promise<UfrError & { text: string }> {
  const folder = makeFolder(t, files, 'my-app')
  const { found } = findForeign(folder, kinds)
  assert.ok(found, 'nothing recognised')
  try {
    await found.load(overrides, noProgress())
  } catch (error) {
    assert.ok(error instanceof UfrError, String((error as Error).stack))
    return Object.assign(error, { text: error.message.replaceAll(`${folder}/`, '').replaceAll(folder, '.') })
  }
  throw new assert.AssertionError({ message: 'taken' })
}

/** Paths of the files that a function has at places of their own, links with their targets. */
export function rootOf({ spec }: Foreign): string[] {
  const entries = spec.root?.tree().sorted() ?? []
  return entries.flatMap(([name, entry]) =>
    entry.kind === 'file' ? [name] : entry.kind === 'link' ? [`${name} -> ${entry.target}`] : [],
  )
}
