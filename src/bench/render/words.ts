import type { BootReport, Cell } from '../report.ts'
import { counted } from '../steps.ts'

/** Milliseconds as tables have them: more digits where there are few of them. */
export function milliseconds(value: number): string {
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 1000 ? 1 : 0)
}

/** A cell's name within its table. */
export function cellName({ function: name, arm }: Cell): string {
  return arm === 'ufr' ? name : `${name} (${arm})`
}

export function tableTitle({ unikernel, kernelVersion, vmm, accel }: Cell): string {
  const kernel = `${unikernel}${kernelVersion === null ? '' : ` ${kernelVersion}`}`
  return `${kernel} on ${vmm}, ${accelWords(accel)}`
}

export function accelWords(accel: Cell['accel']): string {
  return accel === 'tcg' ? 'EMULATED' : 'kvm'
}

/** How many of a cell's runs failed, and why the last one did; undefined where none did. */
export function failureWords({ runs, reason }: Cell): string | undefined {
  const failed = runs.filter(({ error }) => error !== null)
  const last = failed.at(-1)?.error
  if (reason) {
    const tried = failed.length > 0 ? `given up after ${failed.length} failed of ${runs.length} runs: ` : ''
    return `${tried}${reason.code}: ${reason.message}`
  }
  if (!last) return undefined
  return `${failed.length} of ${runs.length} runs failed: ${last.code}: ${last.message}`
}

/** Whether there is anything to look at. */
export function hasFigures(cell: Cell): boolean {
  return counted(cell.runs).length > 0
}

/** Why marks of a cell are not there, for those that are not. */
export function missingMarks(cell: Cell): string[] {
  const phases = counted(cell.runs)
  if (phases.length === 0) return []
  const lacks = (mark: 'vcpu' | 'kernel' | 'entry' | 'ready') => phases.every((each) => each[mark] === null)
  const words: string[] = []
  if (isPeer(cell)) {
    if (lacks('ready') && lacks('kernel')) return ['only its answer is seen, and no mark before']
    return lacks('vcpu') ? ['nobody tells when the vCPU starts'] : []
  }
  // Whose name says it already.
  if (lacks('entry') && cell.arm !== 'without mark')
    words.push(
      cell.entryOf === null
        ? 'the image has no entry mark (switched off, or the program has no room for one)'
        : `no entry mark was seen, though ${cell.entryOf} should have told`,
    )
  if (lacks('ready')) words.push('a program that runs to its end is never ready for work')
  if (lacks('kernel')) words.push('nothing came on the console before the program ended')
  return words
}

/** Whether a cell was started by a tool of others. */
export function isPeer({ arm }: Cell): boolean {
  return arm !== 'ufr' && arm !== 'without mark'
}

/** What a report was made on and how, in lines. */
export function conditionLines({ machine, conditions, runs, discard, startedAt, ufr }: BootReport): string[] {
  const { cores, processor, memoryGiB, hostKernel, emulated, node } = machine
  const { accel, accelReason, cpus, pinning, caches, loadBefore, loadAfter, vmms, kernels } = conditions
  const guests =
    accel === 'tcg'
      ? 'EMULATED (tcg): milliseconds say nothing about a machine with KVM, only ratios do'
      : emulated
        ? 'KVM, NESTED IN EMULATION: only ratios mean anything'
        : 'KVM'
  const versions = [...vmms, ...kernels].map(({ name, version }) => `${name} ${version}`)
  return [
    `Guests: ${guests} (${accelReason}).`,
    `Machine: ${cores} CPUs (${processor}), ${memoryGiB} GiB, Linux ${hostKernel}.`,
    `Versions: ufr ${ufr}, Node.js ${node}, ${versions.join(', ')}.`,
    `Runs: ${runs} of each cell, interleaved, the first ${discard} not looked at. ${caches}`,
    `CPUs: ${cpus === null ? 'not pinned' : `pinned to ${cpus}`}: ${pinning}. Load: ${loadBefore} before, ${loadAfter} after. ${startedAt}.`,
    ...vmms.flatMap(({ name, note }) => (note === undefined ? [] : [`${name}: ${note}`])),
  ]
}
