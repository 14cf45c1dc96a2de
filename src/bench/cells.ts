import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { noProgress, type Progress } from '../base/progress.ts'
import type { FunctionSpec } from '../function/spec.ts'
import { type Prepared, prepare } from '../instance/prepare.ts'
import { machineOf, networkOf } from '../instance/run.ts'
import type { LinkKind } from '../vmm/machine.ts'
import type { Accel } from '../vmm/vmm.ts'
import type { FunctionChoice, KernelChoice } from './choose.ts'
import type { Peer } from './peers/peer.ts'
import type { Arm, Cell, Reason } from './report.ts'
import { type Runnable, reasonOf } from './rounds.ts'
import { coldStart, type Question } from './start.ts'
import { statisticsOf } from './steps.ts'
import type { UsableVmm } from './vmms.ts'

/** What is to be measured. */
export interface Plan {
  functions: readonly FunctionChoice[]
  kernels: readonly KernelChoice[]
  vmms: readonly UsableVmm[]
  accel: Accel
  link: LinkKind | 'auto'
  /** What the command line says over ufr.json. */
  overrides: Partial<FunctionSpec>
  question: Question
  /** Whether each cell is also started without the entry mark, to see what that costs. */
  control: boolean
  peers: readonly Peer[]
  /** A folder for what peers need, gone afterwards. */
  scratch: string
  progress: Progress
  signal: AbortSignal
}

export interface Prepares {
  runnables: Runnable[]
  /** Cells that cannot be run, each with its reason. */
  hopeless: Cell[]
  leftOut: { what: string; reason: Reason }[]
}

/**
 * Builds the images of all cells. A function that somebody named and that cannot be run on a kernel is a cell with the
 * reason; one that nobody named and that can be run on none is left out.
 * @throws the signal's reason.
 */
export async function prepareCells(plan: Plan): Promise<Prepares> {
  const all: Prepares = { runnables: [], hopeless: [], leftOut: [] }
  for (const choice of plan.functions) {
    const own: Prepares = { runnables: [], hopeless: [], leftOut: [] }
    for (const kernel of plan.kernels) await prepareKernel(plan, choice, kernel, own)
    const name = path.basename(choice.folder)
    const [first] = own.hopeless
    if (own.runnables.length === 0 && !choice.named && first) {
      all.leftOut.push({ what: name, reason: first.reason! })
      continue
    }
    all.runnables.push(...own.runnables)
    all.hopeless.push(...own.hopeless)
    all.leftOut.push(...own.leftOut)
  }
  return all
}

async function prepareKernel(
  plan: Plan,
  choice: FunctionChoice,
  kernel: KernelChoice,
  found: Prepares,
): Promise<void> {
  const { vmms, accel, control, peers } = plan
  const marked = await prepared(plan, choice, kernel, true)
  const plain = control && 'spec' in marked ? await prepared(plan, choice, kernel, false) : undefined
  for (const usable of vmms) {
    const cell = (arm: Arm, image?: Prepared) => newCell(choice, kernel, usable, accel, arm, image)
    if (!('spec' in marked)) {
      found.hopeless.push({ ...cell('ufr'), reason: marked })
      continue
    }
    const own = cell('ufr', marked)
    const unfit = await unfitness(marked, usable, plan)
    if (unfit) {
      found.hopeless.push({ ...own, reason: unfit })
      continue
    }
    found.runnables.push(runnable(own, marked, usable, plan))
    if (plain && 'spec' in plain && marked.program.entryMark)
      found.runnables.push(runnable(cell('without mark', plain), plain, usable, plan))
    for (const peer of peers) await preparePeer(peer, { plan, image: marked, usable, cell }, found)
  }
}

interface PeerPlace {
  plan: Plan
  image: Prepared
  usable: UsableVmm
  cell(arm: Arm): Cell
}

async function preparePeer(
  peer: Peer,
  { plan, image, usable, cell }: PeerPlace,
  found: Prepares,
): Promise<void> {
  const { accel, link, question, signal } = plan
  const own = cell(peer.name)
  const where = `${peer.name} for ${own.function} on ${own.unikernel} (${own.vmm})`
  try {
    if (!peer.starts({ prepared: image, vmm: usable.vmm })) return
    const unfit = peer.unfit({ prepared: image, vmm: usable.vmm, accel })
    if (unfit !== undefined) {
      found.leftOut.push({ what: where, reason: { code: 'UFR-MACHINE', message: unfit } })
      return
    }
    const network = networkOf(image, usable.vmm, accel, link)
    const machine = await machineOf(image, usable.vmm, accel, network)
    const folder = fs.mkdtempSync(path.join(plan.scratch, `${peer.key}-`))
    const target = { prepared: image, vmm: usable.vmm, accel, machine, network, question, folder }
    const { start, notes, image: bytes } = await peer.prepare(target, signal)
    found.runnables.push({ cell: { ...own, notes, image: bytes ?? own.image }, start })
  } catch (error) {
    signal.throwIfAborted()
    found.leftOut.push({ what: where, reason: reasonOf(error) })
  }
}

/** The function with its image, or why there is none. */
async function prepared(
  { overrides, progress, signal }: Plan,
  { folder }: FunctionChoice,
  { name, version }: KernelChoice,
  entryMark: boolean,
): Promise<Prepared | Reason> {
  signal.throwIfAborted()
  // What it has to say of its choices and inputs is no news the second time.
  const told: Progress = { ...(entryMark ? progress : noProgress()), note() {} }
  try {
    const settings = { ...overrides, unikernel: name, ...(entryMark ? {} : { entryMark }) }
    const step = `${path.basename(folder)} for ${name}${version === undefined ? '' : `@${version}`}`
    told.step(`Building the image of ${step}`)
    return await prepare(folder, settings, told, undefined, version)
  } catch (error) {
    signal.throwIfAborted()
    return reasonOf(error)
  } finally {
    told.done()
  }
}

/** Why a VMM cannot start it, where that can be said without trying. */
async function unfitness(image: Prepared, { vmm }: UsableVmm, plan: Plan): Promise<Reason | undefined> {
  const { accel, link } = plan
  try {
    const machine = await machineOf(image, vmm, accel, networkOf(image, vmm, accel, link))
    const { boards, protocols } = vmm.traits(accel)
    if (!machine.kernel.protocols.some((each) => protocols.includes(each))) {
      const ways = machine.kernel.protocols.join(' or ')
      const message = `${vmm.name} cannot start this kernel, which boots by ${ways} only`
      return { code: 'UFR-VMM-KERNEL', message }
    }
    if (boards.includes(machine.board)) return undefined
    return { code: 'UFR-MACHINE', message: `${vmm.name} has no board ${machine.board}` }
  } catch (error) {
    if (error instanceof UfrError) return reasonOf(error)
    throw error
  }
}

function runnable(cell: Cell, image: Prepared, { vmm }: UsableVmm, plan: Plan): Runnable {
  const { accel, link, question } = plan
  const own: Prepared = { ...image, spec: { ...image.spec, vmm: vmm.name } }
  return { cell, start: (signal) => coldStart(own, { accel, link, question, signal }) }
}

function newCell(
  { folder, source }: FunctionChoice,
  kernel: KernelChoice,
  { vmm }: UsableVmm,
  accel: Accel,
  arm: Arm,
  image?: Prepared,
): Cell {
  const marked = image?.program.entryMark
  return {
    function: image?.spec.name ?? path.basename(folder),
    source,
    runtime: image?.spec.runtime ?? null,
    unikernel: kernel.name,
    kernelVersion: image?.unikernel.kernel.version ?? kernel.version ?? null,
    vmm: vmm.name,
    accel,
    arm,
    image: image ? { digest: image.image.record.digest, bytes: image.image.bytes } : null,
    entryOf: marked?.file ?? null,
    notes: [],
    reason: null,
    runs: [],
    statistics: statisticsOf([]),
  }
}
