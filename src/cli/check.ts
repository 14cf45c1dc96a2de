import { UfrError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import type { KernelVerdict } from '../check/check.ts'
import type { Finding } from '../check/findings.ts'
import { environmentSettings, flagSettings } from '../function/settings.ts'
import type { UnikernelName } from '../function/spec.ts'
import { checkFunction } from '../instance/check.ts'
import { unikernels } from '../unikernel/unikernels.ts'
import { type Action, printJson } from './outcome.ts'
import { printable } from './printable.ts'
import type { CheckReport } from './schema/check.ts'
import { table } from './table.ts'

export const check: Action = async ({ words, options, json, progress }) => {
  const wanted = readKernels(options['unikernel'])
  const { unikernel: _, ...given } = options
  const overrides = { ...environmentSettings(), ...flagSettings(given) }
  const { spec, kernels } = await checkFunction(String(words[0] ?? '.'), overrides, wanted, progress)
  if (json) {
    printJson<CheckReport>({
      function: spec.name,
      runtime: spec.runtime,
      kernels: kernels.map((each) => ({ ...each, kernelVersion: each.kernelVersion ?? null })),
    })
  } else
    process.stdout.write(`${table(['KERNEL', 'VERSION', 'WILL IT RUN'], kernels.map(row))}${told(kernels)}`)
  // Who names kernels wants to know about each of them; who names none, whether there is one.
  const failing = kernels.filter(({ verdict }) => verdict === 'fails').length
  return failing > 0 && (wanted.length > 0 || failing === kernels.length) ? 1 : 0
}

/** @throws UfrError UFR-USAGE for what is no kernel. */
function readKernels(given: unknown): UnikernelName[] {
  if (typeof given !== 'string' || given === 'auto') return []
  const names = unikernels.map(({ name }) => name)
  return given.split(',').map((word) => {
    const name = names.find((each) => each === word.trim())
    if (name) return name
    const message = `there is no kernel called ${JSON.stringify(word)}${didYouMean(word, names)}`
    throw new UfrError('UFR-USAGE', message, { fix: `Kernels are ${names.join(', ')}.` })
  })
}

const words: Record<KernelVerdict['verdict'], string> = {
  fits: 'yes',
  unknown: 'yes, as far as can be seen',
  'may fail': 'yes, but parts of it may fail',
  fails: 'no',
}

function row({ unikernel, kernelVersion, table: { version, exact }, verdict }: KernelVerdict): string[] {
  const shown = kernelVersion ?? `${version} (not in the store)`
  return [
    unikernel,
    exact || kernelVersion === undefined ? shown : `${shown} (by ${version})`,
    words[verdict],
  ]
}

/** The findings, each once with the kernels that it is about. */
function told(kernels: readonly KernelVerdict[]): string {
  const groups = new Map<string, { finding: Finding; on: UnikernelName[] }>()
  for (const { unikernel, findings } of kernels) {
    for (const finding of findings) {
      const key = `${finding.level} ${finding.code} ${finding.message}`
      const there = groups.get(key) ?? { finding, on: [] }
      there.on.push(unikernel)
      groups.set(key, there)
    }
  }
  const lines = [...groups.values()].map(({ finding: { level, code, message, fix }, on }) => {
    const where = on.length === kernels.length && on.length > 1 ? 'everywhere' : on.join(', ')
    const advice = fix === undefined ? '' : `  ${printable(fix)}\n`
    return `\n${code} (${level}, ${where}): ${printable(message)}\n${advice}`
  })
  return lines.join('')
}
