import path from 'node:path'
import { noProgress } from '../../src/base/progress.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { handlerRequest } from '../../src/instance/invoke.ts'
import { markNames } from '../../src/link/marks.ts'
import { qemuArguments } from '../../src/vmm/qemu/arguments.ts'
import { findQemu } from '../../src/vmm/qemu/binary.ts'
import type { Accel } from '../../src/vmm/vmm.ts'
import { chooseVmm } from '../../src/vmm/vmms.ts'
import { type BareStart, startBare } from './bare.ts'
import { finish } from './process.ts'
import type { Published } from './published.ts'
import type { Line, Section } from './report.ts'
import type { Settings } from './settings.ts'
import { interleave } from './statistics.ts'

const example = path.join(import.meta.dirname, '../../examples/hello-node')
const event = '{"name":"Ada"}'
const most = { ratio: 1.05, milliseconds: 15 }
const attempts = 3

/**
 * Seconds between two attempts of the line that polls. Every attempt costs the guest a packet and its refusal: with a
 * shorter pause an emulated guest boots more slowly, so this one makes the bare line look best.
 */
const pauses: Record<Accel, number> = { tcg: 0.02, kvm: 0.002 }

interface Sample {
  milliseconds: number
  /** The whole command, for ufr itself. */
  command?: number
}

/** What ufr adds to a cold start: against the same machine started by a shell. */
export async function coldSection(
  published: Published,
  kernels: readonly UnikernelName[],
  { rounds, folder, signal, tell }: Settings,
): Promise<Section> {
  const lines: Line[] = []
  for (const kernel of kernels) {
    const bare = await bareStart(published, kernel, folder)
    const ask = (start: BareStart) => retried(signal, async () => checked(await startBare(start, signal)))
    const found = await interleave<string, Sample>(
      rounds,
      {
        ufr: () => retried(signal, () => startUfr(published, kernel, signal)),
        polling: () => ask(bare),
        told: () => ask({ ...bare, mark: `_ufr;${markNames.ready};${bare.guestPort}` }),
      },
      (round) => tell(`cold start on ${kernel}: ${round + 1} of ${rounds}`),
    )
    const times = (arm: string) => found[arm]!.map(({ milliseconds }) => milliseconds)
    lines.push(
      {
        what: `${kernel}: until the answer`,
        ufr: times('ufr'),
        against: { name: 'shell that polls', samples: times('polling') },
        goal: {
          text: `at most ${most.ratio}x, or ${most.milliseconds} ms more`,
          limit: (ms) => Math.max(ms * most.ratio, ms + most.milliseconds),
        },
      },
      {
        what: `${kernel}: until the answer`,
        ufr: times('ufr'),
        against: { name: 'shell that is told', samples: times('told') },
      },
      { what: `${kernel}: whole command`, ufr: found['ufr']!.map(({ command = Number.NaN }) => command) },
    )
  }
  return {
    name: 'cold',
    title: 'Cold run',
    how: [
      "From the VMM's start to the whole answer: a Node.js handler, its image built before.",
      'A shell starts the same QEMU with the same kernel, disks and arguments. One polls with the same request, the',
      'other, which has it easier than anyone outside, waits for the mark on the console by which ufr itself knows.',
    ],
    lines,
  }
}

async function bareStart(
  { prepare, run }: Published,
  unikernel: UnikernelName,
  folder: string,
): Promise<BareStart> {
  const vmm = chooseVmm('auto')
  const { accel } = await vmm.chooseAccel('auto')
  const prepared = await prepare.prepare(example, { unikernel }, noProgress())
  const network = { link: 'user' as const, egress: false }
  return {
    qemu: findQemu(),
    args: qemuArguments(await run.machineOf(prepared, vmm, accel, network), accel, { kind: 'user' }),
    guestPort: run.handlerPort,
    request: handlerRequest(Buffer.from(event), 60_000),
    mark: undefined,
    pause: pauses[accel],
    folder,
  }
}

async function startUfr({ command, env }: Published, kernel: string, signal: AbortSignal): Promise<Sample> {
  const args = ['run', example, '--unikernel', kernel, '--event', event, '--json']
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
