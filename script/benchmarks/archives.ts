import path from 'node:path'
import { interleave } from '../../src/bench/interleave.ts'
import type { UsableVmm } from '../../src/bench/vmms.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { finish } from './process.ts'
import type { Published } from './published.ts'
import type { Line, Section } from './report.ts'
import type { Settings } from './settings.ts'

const examples = ['hello-kotlin', 'hello-java']
const event = '{"name":"Ada"}'
const attempts = 3

/** What the archives of classes in an image gain at a start: phases of the same handler with both, with one, without. */
export async function archivesSection(
  published: Published,
  kernels: readonly UnikernelName[],
  vmms: readonly UsableVmm[],
  settings: Settings,
): Promise<Section> {
  const lines: Line[] = []
  for (const usable of vmms) {
    for (const kernel of kernels) {
      for (const example of examples) {
        const name = `${example} on ${kernel}, ${usable.vmm.name}`
        try {
          lines.push(...(await starts(published, kernel, usable, example, name, settings)))
        } catch (error) {
          if (settings.signal.aborted) throw error
          settings.tell(`${name} is left out: ${(error as Error).message}`)
        }
      }
    }
  }
  return {
    name: 'archives',
    title: 'Class-data archives',
    how: [
      "From the VMM's start: a handler with the runtime's archive of classes and the function's own, which is the",
      'default, against the former only (UFR_JAVA_ARCHIVE=runtime) and none (off). The images are built before.',
    ],
    lines,
  }
}

interface Phases {
  ready: number
  response: number
}

async function starts(
  { command, env }: Published,
  kernel: UnikernelName,
  { vmm, accel }: UsableVmm,
  example: string,
  name: string,
  { rounds, signal, tell }: Settings,
): Promise<Line[]> {
  const folder = path.join(import.meta.dirname, '../../examples', example)
  const where = ['--unikernel', kernel, '--vmm', vmm.name, '--accel', accel]
  const args = ['run', folder, ...where, '--event', event, '--json']
  const start = (archive: string) => async (): Promise<Phases> => {
    for (let attempt = 1; ; attempt++) {
      try {
        const { stdout } = await finish(command, args, { signal, env: { ...env, UFR_JAVA_ARCHIVE: archive } })
        const { phases, response } = JSON.parse(stdout)
        if (response?.message === 'Hello, Ada!') return phases
        throw new Error(`the guest answered ${JSON.stringify(response)}`)
      } catch (error) {
        // A guest can fail to start (a race of Nanos' own with slow disks).
        if (attempt === attempts || signal.aborted) throw error
      }
    }
  }
  const arms = { both: start('on'), runtime: start('runtime'), none: start('off') }
  // All images are there before anything is measured.
  for (const arm of Object.values(arms)) await arm()
  const found = await interleave(rounds, arms, (round) => tell(`${name}: ${round + 1} of ${rounds}`))
  const times = (arm: keyof typeof arms, phase: keyof Phases) => found[arm].map((phases) => phases[phase])
  const line = (what: string, phase: keyof Phases, arm: 'runtime' | 'none', title: string): Line => ({
    what: `${name}: until ${what}`,
    ufr: times('both', phase),
    against: { name: title, samples: times(arm, phase) },
  })
  return [
    line('it is ready', 'ready', 'none', 'without archives'),
    line('the answer', 'response', 'none', 'without archives'),
    line('the answer', 'response', 'runtime', "the runtime's only"),
  ]
}
