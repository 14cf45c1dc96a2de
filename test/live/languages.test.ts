import assert from 'node:assert/strict'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { chooseVmm } from '../../src/vmm/vmms.ts'
import { document, errorDocument } from '../cli/schemas.ts'
import { type KernelSubject, kernelSubjects } from './conformance/subjects.ts'
import { isNamed, toolsLack } from './languages/lacks.ts'
import { type LanguageResult, recordResult } from './languages/results.ts'
import { type ExampleShape, type LanguageName, languageLimit, languages } from './languages/table.ts'
import { root, ufr } from './ufr.ts'

/** What a host can lack that an example is built with. */
const lackCodes = new Set(['UFR-TOOLCHAIN', 'UFR-RUNTIME'])

/** The languages to be tried: all, or those that UFR_LANGUAGE names. */
const chosen = (Object.keys(languages) as LanguageName[]).filter(
  (name) => !process.env['UFR_LANGUAGE'] || isNamed(name),
)

const examples = chosen.flatMap((language) =>
  (['hello', 'web'] as const).map((shape) => ({ language, shape, lack: toolsLack(language, shape) })),
)

for (const subject of await kernelSubjects()) {
  if (!subject.first) continue
  for (const { language, shape, lack } of examples) {
    const limit = languageLimit(language, shape, subject)
    const skip = subject.lack || (limit?.skip ? limit.reason : lack)
    test(`${shape}-${language} on ${subject.title}`, { skip }, async (t) => {
      const asked = await ask(t, language, shape, subject)
      if (asked.lack !== undefined) return t.skip(asked.lack)
      if (process.env['UFR_RECORD'] === '1') recordResult(resultOf(subject, language, shape, asked))
      if (limit) assert.ok(asked.failed, `it works now, although: ${limit.reason}`)
      else assert.equal(asked.failed, undefined)
    })
  }
}

interface Asked {
  /** What the host lacks, in words. */
  lack?: string
  /** Why there was no right answer. */
  failed?: string
  kernelVersion?: string
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
    if (!stdout.includes('"code"')) return { failed: `${stdout}\n${stderr}` }
    const { code, message, detail } = errorDocument(stdout)
    return lackCodes.has(code) ? { lack: message } : { failed: [code, message, ...detail, stderr].join('\n') }
  }
  const { response, kernelVersion } = document('run', stdout)
  const right = shape === 'hello' ? response.message === 'Hello, Ada!' : /^Hello/.test(response.body)
  return right ? { kernelVersion } : { failed: `it answered ${JSON.stringify(response)}` }
}

function resultOf(
  { kernel, vmm, accel, link }: KernelSubject,
  language: LanguageName,
  shape: ExampleShape,
  { failed, kernelVersion }: Asked,
): LanguageResult {
  return {
    ...{ language, shape, kernel, vmm, accel, link },
    works: failed === undefined,
    ...(kernelVersion !== undefined && { kernelVersion }),
    vmmVersion: chooseVmm(vmm).version(),
    date: new Date().toISOString().slice(0, 10),
  }
}
