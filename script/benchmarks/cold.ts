import path from 'node:path'
import { noProgress } from '../../src/base/progress.ts'
import { interleave } from '../../src/bench/interleave.ts'
import { isEmulated } from '../../src/bench/machine.ts'
import type { UsableVmm } from '../../src/bench/vmms.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { handlerRequest } from '../../src/instance/invoke.ts'
import { openLink } from '../../src/link/choose.ts'
import { markNames } from '../../src/link/marks.ts'
import { findFirecracker } from '../../src/vmm/firecracker/binary.ts'
import { noJailReason } from '../../src/vmm/firecracker/jail.ts'
import type { MachineSpec, NetworkSpec } from '../../src/vmm/machine.ts'
import { qemuArguments } from '../../src/vmm/qemu/arguments.ts'
import { findQemu } from '../../src/vmm/qemu/binary.ts'
import type { LinkEnd } from '../../src/vmm/vmm.ts'
import { bareFirecracker } from './bare/firecracker.ts'
import { bareQemu } from './bare/qemu.ts'
import { type BareAnswer, startBare } from './bare/start.ts'
import type { BareVmm } from './bare/vmm.ts'
import { finish } from './process.ts'
import type { Published } from './published.ts'
import type { Goal, Line, Section } from './report.ts'
import type { Settings } from './settings.ts'

const example = path.join(import.meta.dirname, '../../examples/hello-node')
const event = '{"name":"Ada"}'
const most = { ratio: 1.05, milliseconds: 15 }
const goal: Goal = {
  text: `at most ${most.ratio}x, or ${most.milliseconds} ms more`,
  limit: (ms) => Math.max(ms * most.ratio, ms + most.milliseconds),
}
const attempts = 3

/** A kernel on a VMM. */
interface ColdCase extends UsableVmm {
  kernel: UnikernelName
  network: NetworkSpec
  machine: MachineSpec
  guestPort: number
}

interface Sample {
  milliseconds: number
  /** The whole command, for ufr itself. */
  command?: number
}

type Arms = Record<string, () => Promise<Sample>>

/** What ufr adds to a cold start: against the same machine started by a shell. */
export async function coldSection(
  published: Published,
  kernels: readonly UnikernelName[],
  vmms: readonly UsableVmm[],
  settings: Settings,
): Promise<Section> {
  const lines: Line[] = []
  for (const usable of vmms) {
    for (const kernel of kernels) {
      const each = await coldCase(published, kernel, usable, settings)
      if (each) lines.push(...(await measure(published, each, settings)))
    }
  }
  return {
    name: 'cold',
    title: 'Cold run',
    how: [
      "From the VMM's start to the whole answer: a Node.js handler, its image built before, its link made before.",
      'A shell starts the same VMM with the same kernel, disks and arguments; Firecracker without API and jailer, from',
      'copies of disks made before. One shell polls with the same request (not over a tap, where a connection that comes',
      'too early waits for a second), the other, which has it easier than anyone outside, waits for the mark on the',
      'console by which ufr itself knows.',
    ],
    lines,
  }
}

/** @returns undefined where this kernel does not run on this VMM, or not so that a shell could reach it. */
async function coldCase(
  { prepare, run }: Published,
  kernel: UnikernelName,
  usable: UsableVmm,
  { tell }: Settings,
): Promise<ColdCase | undefined> {
  const { vmm, accel } = usable
  try {
    const prepared = await prepare.prepare(example, { unikernel: kernel }, noProgress())
    const network = run.networkOf(prepared, vmm, accel, 'auto')!
    if (network.link === 'vsock') throw new Error('a shell has no sockets that lead to a vsock')
    const machine = await run.machineOf(prepared, vmm, accel, network)
    return { ...usable, kernel, network, machine, guestPort: run.handlerPort }
  } catch (error) {
    tell(`${kernel} on ${vmm.name} is left out: ${(error as Error).message}`)
    return undefined
  }
}

async function measure(published: Published, each: ColdCase, settings: Settings): Promise<Line[]> {
  const { rounds, signal, tell } = settings
  const name = `${each.kernel} on ${each.vmm.name} (${each.network.link})`
  const byHand = (mark?: string) => () => retried(signal, () => startByHand(each, mark, settings))
  const ufr = (env: NodeJS.ProcessEnv) => () =>
    retried(signal, () => startUfr({ ...published, env }, each, signal))
  const jailed = each.vmm.name === 'firecracker' && noJailReason(findFirecracker()) === undefined
  const unjailed = { ...published.env, UFR_JAIL: 'off' }
  const arms: Arms = {
    ufr: ufr(jailed ? unjailed : published.env),
    ...(jailed && { jailed: ufr(published.env) }),
    ...(each.network.link === 'user' && { polling: byHand() }),
    told: byHand(`_ufr;${markNames.ready};${each.guestPort}`),
  }
  const found = await interleave(rounds, arms, (round) =>
    tell(`cold start of ${name}: ${round + 1} of ${rounds}`),
  )
  const times = (arm: string) => found[arm]!.map(({ milliseconds }) => milliseconds)
  const line = { what: `${name}: until the answer`, ufr: times('ufr') }
  const told = { name: 'shell that is told', samples: times('told') }
  const lines: Line[] =
    found['polling'] === undefined
      ? [{ ...line, against: told, goal }]
      : [
          { ...line, against: { name: 'shell that polls', samples: times('polling') }, goal },
          { ...line, against: told },
        ]
  if (jailed) {
    const inJail = { what: `${name}, in the jailer: until the answer`, ufr: times('jailed') }
    lines.push({ ...inJail, against: told, goal })
    lines.push({ ...inJail, against: { name: 'ufr without jailer', samples: times('ufr') } })
  }
  const commands = found[jailed ? 'jailed' : 'ufr']!.map(({ command = Number.NaN }) => command)
  return [...lines, { what: `${name}: whole command`, ufr: commands }]
}

/** One cold start by a shell. A link is made for it as for ufr, before and without being timed. */
async function startByHand(
  each: ColdCase,
  mark: string | undefined,
  { folder, signal }: Settings,
): Promise<BareAnswer> {
  const { guestPort, accel } = each
  const link = await openLink(each.network)
  try {
    const request = handlerRequest(Buffer.from(event), 60_000)
    const pause = pauseOf(accel)
    const vmm = bareVmm(each, link.end)
    return checked(await startBare({ vmm, guestPort, request, mark, pause, folder }, signal))
  } finally {
    await link.close()
  }
}

/**
 * Seconds between two attempts of the line that polls. Every attempt costs the guest a packet and its refusal: with a
 * shorter pause an emulated guest boots more slowly, so this one makes the bare line look best.
 */
function pauseOf(accel: ColdCase['accel']): number {
  return accel === 'kvm' && !isEmulated() ? 0.002 : 0.02
}

function bareVmm({ vmm, accel, machine }: ColdCase, end: LinkEnd): BareVmm {
  if (vmm.name === 'firecracker') return bareFirecracker(findFirecracker().file, machine, end)
  return bareQemu(findQemu(), qemuArguments(machine, accel, end), end)
}

async function startUfr(
  { command, env }: Published,
  { kernel, vmm, accel, network }: ColdCase,
  signal: AbortSignal,
): Promise<Sample> {
  const where = ['--unikernel', kernel, '--vmm', vmm.name, '--accel', accel, '--link', network.link]
  const args = ['run', example, ...where, '--event', event, '--json']
  const { milliseconds, stdout } = await finish(command, args, { signal, env })
  const { phases, response } = JSON.parse(stdout)
  checked({ body: JSON.stringify(response) })
  return { milliseconds: phases.response, command: milliseconds }
}

/** A wrong answer is no answer, however fast. */
function checked<T extends { body: string }>(answer: T): T {
  if (JSON.parse(answer.body).message === 'Hello, Ada!') return answer
  throw new Error(`the guest answered ${answer.body}`)
}

/** A guest can fail to start (a race of Nanos' own with slow disks): ufr tries again, so the shell may, too. */
async function retried<T>(signal: AbortSignal, start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start()
    } catch (error) {
      if (attempt === attempts || signal.aborted) throw error
    }
  }
}
