import path from 'node:path'
import { interleave } from '../../src/bench/interleave.ts'
import type { UsableVmm } from '../../src/bench/vmms.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { type ModulesFunction, makeModules } from './modules.ts'
import { finish } from './process.ts'
import type { Published } from './published.ts'
import type { Line, Section } from './report.ts'
import type { Settings } from './settings.ts'

const event = '{"name":"Ada"}'
const attempts = 3

/** What Node.js's compile cache in an image gains at a start: phases of the same function with it and without. */
export async function compileCacheSection(
  published: Published,
  kernels: readonly UnikernelName[],
  vmms: readonly UsableVmm[],
  settings: Settings,
): Promise<Section> {
  const functions = makeModules(path.join(settings.folder, 'modules'))
  const lines: Line[] = []
  for (const usable of vmms) {
    for (const kernel of kernels) {
      for (const each of functions) {
        const name = `${kernel} on ${usable.vmm.name}, ${each.title}`
        try {
          lines.push(...(await starts(published, kernel, usable, each, name, settings)))
        } catch (error) {
          if (settings.signal.aborted) throw error
          settings.tell(`${name} is left out: ${(error as Error).message}`)
        }
      }
    }
  }
  return {
    name: 'compile-cache',
    title: 'Node.js compile cache',
    how: [
      "From the VMM's start: a Node.js handler that loads a lot of code, as packages and as a bundle. With what Node.js",
      'makes of it in the image, which is the default, against UFR_NODE_COMPILE_CACHE=off. The image is built before.',
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
  { folder, loads }: ModulesFunction,
  name: string,
  { rounds, signal, tell }: Settings,
): Promise<Line[]> {
  const where = ['--unikernel', kernel, '--vmm', vmm.name, '--accel', accel]
  const args = ['run', folder, ...where, '--event', event, '--json']
  async function start(environment: NodeJS.ProcessEnv, cached: boolean): Promise<Phases> {
    const { stdout } = await finish(command, args, { signal, env: environment })
    const { phases, response } = JSON.parse(stdout)
    // A start that is not what it should be is no start, however fast.
    if (response?.loaded === loads && response.cached === cached) return phases
    throw new Error(`the guest answered ${JSON.stringify(response)}`)
  }
  const without = { ...env, UFR_NODE_COMPILE_CACHE: 'off' }
  const arms = {
    cached: () => retried(signal, () => start(env, true)),
    plain: () => retried(signal, () => start(without, false)),
  }
  // Both images are there before anything is measured.
  for (const arm of Object.values(arms)) await arm()
  const found = await interleave(rounds, arms, (round) => tell(`${name}: ${round + 1} of ${rounds}`))
  const line = (what: string, phase: keyof Phases): Line => ({
    what: `${name}: until ${what}`,
    ufr: found.cached.map((phases) => phases[phase]),
    against: { name: 'without cache', samples: found.plain.map((phases) => phases[phase]) },
  })
  return [line('it is ready', 'ready'), line('the answer', 'response')]
}

/** A guest can fail to start (a race of Nanos' own with slow disks). */
async function retried<T>(signal: AbortSignal, start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start()
    } catch (error) {
      if (attempt === attempts || signal.aborted) throw error
    }
  }
}
