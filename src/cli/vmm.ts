import { listVmms, type RegisteredVmm, removeVmm, vmmKind } from '../kernel/vmms.ts'
import { vmmSource } from '../vmm/sources.ts'
import { brokenReport, entryTable, nameAndVersion, removeOne, tellRegistered } from './entries.ts'
import { type Action, type Call, printJson } from './outcome.ts'
import type { VmmAddedReport, VmmLsReport } from './schema/vmm.ts'

export const list: Action = ({ json }) => {
  const { vmms, broken } = listVmms()
  if (json) printJson<VmmLsReport>({ vmms, broken: brokenReport(broken) })
  else process.stdout.write(entryTable('VMM', vmms, broken))
  return 0
}

export const pull: Action = async (call) => {
  const { name, version } = nameAndVersion(call.words[0])
  return told(call, await vmmSource(name).pull(version, call.progress))
}

export const importVmm: Action = async (call) => {
  const [name, path] = call.words.map(String)
  return told(call, await vmmSource(name!).import(path!, {}, call.progress))
}

export const build: Action = async (call) => {
  const source = vmmSource(String(call.words[0]))
  const { fromSource } = await import('./from-source.ts')
  const registered = await fromSource(call, vmmKind, {}, ({ path, options }) =>
    source.import(path, options, call.progress),
  )
  return told(call, registered)
}

export const remove: Action = (call) => removeOne(call, 'vmm', removeVmm)

function told(call: Call, { vmm, already }: RegisteredVmm): number {
  call.progress.done()
  if (call.json) printJson<VmmAddedReport>({ vmm, already })
  else tellRegistered(call, vmm, already)
  return 0
}
