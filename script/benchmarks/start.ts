import { interleave } from '../../src/bench/interleave.ts'
import { finish } from './process.ts'
import type { Published } from './published.ts'
import type { Section } from './report.ts'
import type { Settings } from './settings.ts'

const allowedMs = 80

/** How long the command takes to start, beyond what Node.js itself takes. */
export async function startSection(
  { command, node, env }: Published,
  { rounds, signal, tell }: Settings,
): Promise<Section> {
  const time =
    (program: string, ...args: string[]) =>
    async () =>
      (await finish(program, args, { signal, env })).milliseconds
  const arms = {
    node: time(node, '-e', '0'),
    version: time(command, '--version'),
    help: time(command, 'run', '--help'),
  }
  tell('start of the command')
  for (const arm of Object.values(arms)) await arm()
  const found = await interleave(rounds, arms)
  const against = { name: 'node -e 0', samples: found.node }
  return {
    name: 'start',
    title: 'Command start',
    how: ['The installed command, from its start to its end.'],
    lines: [
      {
        what: 'ufr --version',
        ufr: found.version,
        against,
        goal: { text: `at most ${allowedMs} ms more`, limit: (ms) => ms + allowedMs },
      },
      { what: 'ufr run --help', ufr: found.help, against },
    ],
  }
}
