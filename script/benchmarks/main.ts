/** The program behind script/bench. */
import { UfrError } from '../../src/base/errors.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { unikernels } from '../../src/unikernel/unikernels.ts'
import { buildSection } from './build.ts'
import { coldSection } from './cold.ts'
import { load, lookAtMachine, machineText } from './machine.ts'
import { type Published, publish } from './published.ts'
import { type Section, sectionJson, sectionText, verdictText } from './report.ts'
import { type Options, readOptions, type SectionName, type Settings, usage } from './settings.ts'
import { startSection } from './start.ts'
import { withWorkplace } from './workplace.ts'

const interrupted = 130

async function main(args: string[], signal: AbortSignal): Promise<void> {
  const options = readOptions(args)
  if (options.help) return void process.stdout.write(usage)
  const tell = (text: string) => process.stderr.write(`bench: ${text}\n`)
  const machine = await lookAtMachine()
  const sections = await withWorkplace(async (folder) => {
    tell('packing and installing ufr')
    const published = await publish(folder, signal)
    return measure(published, options, { rounds: options.rounds, folder, signal, tell })
  })
  const found = { ...machine, loadAfter: load() }
  if (options.json) {
    const report = { machine: found, pairs: options.rounds, sections: sections.map(sectionJson) }
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  } else {
    const texts = [machineText(found), ...sections.map(sectionText), verdictText(sections)]
    process.stdout.write(`${texts.join('\n')}\n`)
  }
}

async function measure(published: Published, options: Options, settings: Settings): Promise<Section[]> {
  const kernels: UnikernelName[] = unikernels.filter((kind) => kind.present()).map(({ name }) => name)
  const measures: Record<SectionName, () => Promise<Section>> = {
    start: () => startSection(published, settings),
    build: () => buildSection(published, kernels, settings),
    cold: () => coldSection(published, kernels, settings),
  }
  const sections: Section[] = []
  for (const name of options.only) sections.push(await measures[name]())
  return sections
}

const controller = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(name, () => controller.abort(new Error('interrupted')))
try {
  await main(process.argv.slice(2), controller.signal)
} catch (error) {
  const { signal } = controller
  const words = error instanceof UfrError ? `${error.code}: ${error.message}\n  ${error.fix}` : String(error)
  process.stderr.write(`bench: ${words}\n`)
  process.exitCode = signal.aborted ? interrupted : error instanceof UfrError ? error.exitStatus : 1
}
