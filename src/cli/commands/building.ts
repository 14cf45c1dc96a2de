import type { OptionSpec } from './spec.ts'

/** Options of the commands that have a kernel or VMM from source. */
export const building = (word: string): OptionSpec[] => [
  {
    flags: '--repo <url>',
    description: 'git repository: https://HOST/PATH, user@HOST:PATH, or a folder',
    complete: 'folder',
    required: true,
  },
  { flags: '--ref <ref>', description: 'branch, tag or commit of it', required: true },
  {
    flags: '--output <path>',
    description: 'what the command makes, as a path in the clone (. for all of it)',
    required: true,
  },
  {
    flags: '--version <name>',
    description: `version of the ${word} in the store, instead of the one that it tells`,
  },
  { flags: '--keep', description: 'leave the clone in UFR_HOME/build to look into' },
]
