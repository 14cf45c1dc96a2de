import { json } from './shared.ts'
import type { CommandSpec } from './spec.ts'

const runtimeNames = ['nodejs24.x', 'nodejs22.x', 'nodejs20.x', 'python3.13', 'python3.11', 'swift@6.0']

export const runtime: CommandSpec = {
  name: 'runtime',
  description: 'Language runtimes: get, list and remove them.',
  summary: 'language runtimes',
  commands: [
    {
      name: 'ls',
      description: 'List the runtimes of the store.',
      options: [json],
      action: async () => (await import('../runtime.ts')).list,
    },
    {
      name: 'pull',
      description: 'Get a runtime; `ufr run` does so by itself.',
      arguments: [
        { name: '<name>', description: 'such as nodejs24.x or python3.13', complete: runtimeNames },
      ],
      options: [{ flags: '--update', description: 'look for a newer version although one is there' }, json],
      action: async () => (await import('../runtime.ts')).pull,
    },
    {
      name: 'rm',
      description: 'Remove a runtime.',
      arguments: [{ name: '<name>', description: 'such as node@24.21.0' }],
      options: [json],
      action: async () => (await import('../runtime.ts')).remove,
    },
  ],
}
