/** The program behind script/bench. */
import { UfrError } from '../../src/base/errors.ts'
import { load } from '../../src/bench/machine.ts'
import { lookForVmms, type UsableVmm } from '../../src/bench/vmms.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { unikernels } from '../../src/unikernel/unikernels.ts'
import { archivesSection } from './archives.ts'
import { buildSection } from './build.ts'
import { coldSection } from './cold.ts'
import { compileCacheSection } from './compile-cache.ts'
import { linkSection } from './link.ts'
import { lookAtMachine, machineText } from './machine.ts'
import { installed, type Published, publish } from './published.ts'
import { type Section, sectionJson, sectionText, verdictText } from './report.ts'
import { named, readOptions, type SectionName, type Settings, usage } from './settings.ts'
import { startSection } from './start.ts'
import { withWorkplace } from './workplace.ts'
import { writeSection } from './write.ts'

const interrupted = 130

async function main(args: string[], signal: AbortSignal): Promise<void> {
  const options = readOptions(args)
  if (options.help) return void process.stdout.write(usage)
  const tell = (text: string) => process.stderr.write(`bench: ${text}\n`)
  const here = await lookForVmms()
  const vmms = named(here.usable, options.vmms, ({ vmm }) => vmm.name)
  const present = unikernels.filter((kind) => kind.present()).map(({ name }) => name)
  const kernels = named(present, options.unikernels, (name) => name)
  const machine = lookAtMachine(here)
  const sections = await withWorkplace(async (folder) => {
    if (options.installed === undefined) tell('packing and installing ufr')
    const published = await (options.installed ? installed(options.installed) : publish(folder, signal))
    const settings = { rounds: options.rounds, folder, signal, tell }
    return measure(options.only, published, kernels, vmms, settings)
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

async function measure(
  only: readonly SectionName[],
  published: Published,
  kernels: readonly UnikernelName[],
  vmms: readonly UsableVmm[],
  settings: Settings,
): Promise<Section[]> {
  const measures: Record<SectionName, () => Promise<Section>> = {
    start: () => startSection(published, settings),
    build: () => buildSection(published, kernels, settings),
    write: () => writeSection(published, kernels, settings),
    link: () => linkSection(settings),
    cold: () => coldSection(published, kernels, vmms, settings),
    'compile-cache': () => compileCacheSection(published, kernels, vmms, settings),
    archives: () => archivesSection(published, kernels, vmms, settings),
  }
  const sections: Section[] = []
  for (const name of only) sections.push(await measures[name]())
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
