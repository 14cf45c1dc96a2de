import { UfrError } from '../base/errors.ts'
import { kernelKind, listKernels, type Registered, removeKernel } from '../kernel/store.ts'
import { kernelSource } from '../unikernel/sources.ts'
import { brokenReport, entryTable, nameAndVersion, removeOne, tellRegistered } from './entries.ts'
import { type Action, type Call, printJson } from './outcome.ts'
import type { KernelAddedReport, KernelLsReport } from './schema/kernel.ts'

export const list: Action = ({ json }) => {
  const { kernels, broken } = listKernels()
  if (json) printJson<KernelLsReport>({ kernels, broken: brokenReport(broken) })
  else process.stdout.write(entryTable('KERNEL', kernels, broken))
  return 0
}

export const pull: Action = async (call) => {
  const { name, version } = nameAndVersion(call.words[0])
  const source = kernelSource(name)
  if (!source.pull) {
    const fix = `Import or build one: ufr kernel import ${name} PATH (docs/kernels.md).`
    throw new UfrError('UFR-USAGE', `${name} has no releases to pull`, { fix })
  }
  return told(call, await source.pull(version, { refresh: call.options['update'] === true }, call.progress))
}

export const importKernel: Action = async (call) => {
  const [name, path] = call.words.map(String)
  const source = kernelSource(name!)
  const modules = modulesOption(call, name!)
  return told(call, await source.import(path!, { ...(modules !== undefined && { modules }) }, call.progress))
}

export const build: Action = async (call) => {
  const name = String(call.words[0])
  const source = kernelSource(name)
  const modules = modulesOption(call, name)
  const also: Record<string, string> = modules === undefined ? {} : { '--modules': modules }
  const { fromSource } = await import('./from-source.ts')
  const registered = await fromSource(call, kernelKind, also, ({ path, also, options }) => {
    const folder = also['--modules']
    return source.import(
      path,
      { ...options, ...(folder !== undefined && { modules: folder }) },
      call.progress,
    )
  })
  return told(call, registered)
}

export const remove: Action = (call) => removeOne(call, 'kernel', removeKernel)

/** @throws UfrError UFR-USAGE where the kernel has no modules. */
function modulesOption({ options }: Call, name: string): string | undefined {
  const { modules } = options
  if (typeof modules !== 'string') return undefined
  if (kernelSource(name).modules) return modules
  const fix = 'Leave --modules out: it goes with linux only.'
  throw new UfrError('UFR-USAGE', `${name} has no kernel modules`, { fix })
}

function told(call: Call, { kernel, already }: Registered): number {
  call.progress.done()
  if (call.json) printJson<KernelAddedReport>({ kernel, already })
  else tellRegistered(call, kernel, already)
  return 0
}
