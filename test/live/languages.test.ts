import assert from 'node:assert/strict'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { document, errorDocument } from '../cli/schemas.ts'
import { type KernelSubject, kernelSubjects } from './conformance/subjects.ts'
import { type ExampleShape, type LanguageName, languageLimit, languages } from './languages/table.ts'
import { root, ufr } from './ufr.ts'

/** What a host can lack that an example is built with. */
const lackCodes = new Set(['UFR-TOOLCHAIN', 'UFR-RUNTIME'])

/** The languages to be tried: all, or the one that UFR_LANGUAGE names. */
const chosen = (Object.keys(languages) as LanguageName[]).filter(
  (name) => (process.env['UFR_LANGUAGE'] || name) === name,
)

for (const subject of await kernelSubjects()) {
  if (!subject.first) continue
  for (const language of chosen) {
    for (const shape of ['hello', 'web'] as const) {
      const limit = languageLimit(language, shape, subject)
      const skip = subject.lack || (limit?.skip ? `${limit.reason}` : false)
      test(`${shape}-${language} on ${subject.title}`, { skip }, async (t) => {
        const asked = await ask(t, language, shape, subject)
        if (asked.lack !== undefined) return t.skip(asked.lack)
        if (limit) assert.ok(asked.failed, `it works now, although: ${limit.reason}`)
        else assert.equal(asked.failed, undefined)
      })
    }
  }
}

interface Asked {
  /** What the host lacks, in words. */
  lack?: string
  /** Why there was no right answer. */
  failed?: string
}

async function ask(
  t: TestContext,
  language: LanguageName,
  shape: ExampleShape,
  { kernel, vmm, accel }: KernelSubject,
): Promise<Asked> {
  const example = path.join(root, `examples/${shape}-${language}`)
  const question = shape === 'hello' ? ['--event', '{"name":"Ada"}'] : ['--request', '/']
  const on = ['--unikernel', kernel, '--vmm', vmm, '--accel', accel, '--json']
  const { status, stdout, stderr } = await ufr(t, ['run', example, ...question, ...on])
  if (status !== 0) {
    const { code, message } = stdout.includes('"code"')
      ? errorDocument(stdout)
      : { code: '', message: stdout }
    return lackCodes.has(code) ? { lack: message } : { failed: `${code} ${message}\n${stderr}` }
  }
  const { response } = document('run', stdout)
  const right = shape === 'hello' ? response.message === 'Hello, Ada!' : /^Hello/.test(response.body)
  return right ? {} : { failed: `it answered ${JSON.stringify(response)}` }
}
