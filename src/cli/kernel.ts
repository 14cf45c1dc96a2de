import { UfrError } from '../base/errors.ts'
import { listKernels, type Registered, removeKernel } from '../kernel/store.ts'
import { type Action, type Call, printJson } from './outcome.ts'
import type { KernelAddedReport, KernelLsReport } from './schema/kernel.ts'
import type { RemovedReport } from './schema/removed.ts'
import { table } from './table.ts'

export const list: Action = ({ json }) => {
  const { kernels, broken } = listKernels()
  if (json) {
    const damaged = broken.map(({ error, ...rest }) => ({ ...rest, error: error.toJSON() }))
    printJson<KernelLsReport>({ kernels, broken: damaged })
    return 0
  }
  const rows = kernels.map(({ name, version, isDefault, provenance }) => [
    `${name}@${version}`,
    isDefault ? 'default' : '',
    provenance.how,
    provenance.from,
  ])
  for (const { name, version, error } of broken)
    rows.push([`${name}@${version}`, 'broken', '', error.message])
  process.stdout.write(table(['KERNEL', '', 'BY', 'FROM'], rows))
  return 0
}

export const pull: Action = async (call) => {
  const [name, version] = String(call.words[0]).split('@', 2)
  if (name === 'nanos') {
    const { pullNanos } = await import('../unikernel/nanos/pull.ts')
    return told(call, await pullNanos(version, call.progress))
  }
  if (name === 'linux') {
    if (version) {
      throw new UfrError(
        'UFR-USAGE',
        'a version of linux cannot be chosen: apt has the one of the Debian suite',
        {
          fix: 'Run `ufr kernel pull linux`, or import a kernel of your own.',
        },
      )
    }
    const { pullLinux } = await import('../unikernel/linux/pull.ts')
    return told(call, await pullLinux(call.progress, { refresh: call.options['update'] === true }))
  }
  throw unknownKernel(name)
}

export const importKernel: Action = async (call) => {
  const [name, path] = call.words.map(String)
  const { modules } = call.options
  if (name === 'nanos') {
    const { importNanos } = await import('../unikernel/nanos/import.ts')
    if (modules !== undefined) {
      const fix = 'Leave --modules out: it goes with linux only.'
      throw new UfrError('UFR-USAGE', 'nanos has no kernel modules', { fix })
    }
    return told(call, await importNanos(path!, call.progress))
  }
  if (name === 'linux') {
    const { importLinux } = await import('../unikernel/linux/import.ts')
    const options = typeof modules === 'string' ? { modules } : {}
    return told(call, await importLinux(path!, options, call.progress))
  }
  throw unknownKernel(name)
}

export const remove: Action = ({ words, json, progress }) => {
  const [name, version] = String(words[0]).split('@', 2)
  if (!name || !version) {
    throw new UfrError('UFR-USAGE', `${words[0]} does not say which version`, { fix: 'See `ufr kernel ls`.' })
  }
  const folder = removeKernel(name, version)
  if (json) printJson<RemovedReport>({ removed: folder })
  else progress.note(`Removed ${name}@${version}.`)
  return 0
}

function told({ json, progress }: Call, { kernel, already }: Registered): number {
  progress.done()
  if (json) printJson<KernelAddedReport>({ kernel, already })
  else {
    progress.note(already ? 'It was in the store already.' : 'It is in the store now.')
    process.stdout.write(`${kernel.name}@${kernel.version}\n`)
  }
  return 0
}

function unknownKernel(name: string | undefined): UfrError {
  if (name === 'osv' || name === 'unikraft') return new UfrError('UFR-NOT-YET', `${name} cannot be had yet`)
  return new UfrError('UFR-USAGE', `there is no kernel called ${name}`, {
    fix: 'Kernels are nanos and linux.',
  })
}
