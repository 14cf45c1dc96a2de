import { interleave } from '../../src/bench/interleave.ts'
import { openLink } from '../../src/link/choose.ts'
import type { NetworkSpec } from '../../src/vmm/machine.ts'
import type { Line, Section } from './report.ts'
import type { Settings } from './settings.ts'

const networks: Record<string, NetworkSpec> = {
  tap: { link: 'tap', egress: false },
  'tap with egress': { link: 'tap', egress: true },
}

/** Milliseconds. */
interface Sample {
  made: number
  closed: number
}

/** What it costs to make a link, and to take it away. */
export async function linkSection(settings: Settings): Promise<Section> {
  return {
    name: 'link',
    title: 'Link by tap',
    how: [
      'What a machine of its own network costs before the VMM is started, and after it has ended, in a process that has',
      'made one before.',
    ],
    lines: await measure(settings),
  }
}

async function measure({ rounds, signal, tell }: Settings): Promise<Line[]> {
  const arms = Object.entries(networks).map(([name, network]) => [name, () => once(network, signal)] as const)
  try {
    for (const [, arm] of arms) await arm()
  } catch (error) {
    signal.throwIfAborted()
    tell(`no link can be made: ${(error as Error).message}`)
    return []
  }
  const found = await interleave(rounds, Object.fromEntries(arms), (round) =>
    tell(`links: ${round + 1} of ${rounds}`),
  )
  return Object.entries(found).flatMap(([name, samples]): Line[] => [
    { what: `${name}: made`, ufr: samples.map(({ made }) => made) },
    { what: `${name}: taken away`, ufr: samples.map(({ closed }) => closed) },
  ])
}

async function once(network: NetworkSpec, signal: AbortSignal): Promise<Sample> {
  signal.throwIfAborted()
  const start = performance.now()
  const link = await openLink(network)
  const there = performance.now()
  await link.close()
  return { made: there - start, closed: performance.now() - there }
}
