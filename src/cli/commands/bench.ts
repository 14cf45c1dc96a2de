import { json } from './shared.ts'
import type { CommandSpec, OptionSpec } from './spec.ts'

/** How it is measured, whatever is. */
const measuring: OptionSpec[] = [
  { flags: '--runs <n>', description: 'rounds; in each, every cell is started once (default: 6)' },
  { flags: '--discard <n>', description: 'first rounds that are not looked at (default: 1)' },
  { flags: '--event <json>', description: `event for handlers (default: {"name":"Ada"})` },
  { flags: '--request <path>', description: 'path that web functions are asked for (default: /)' },
  {
    flags: '--accel <name>',
    description: 'kvm, or tcg for emulation',
    choices: ['auto', 'kvm', 'tcg'],
  },
  {
    flags: '--link <name>',
    description: 'how host and guest talk',
    choices: ['auto', 'user', 'tap', 'vsock'],
  },
  { flags: '--memory <MiB>', description: "the guests' memory" },
  { flags: '--timeout <s>', description: 'longest time for an answer, in seconds' },
  { flags: '--pin <cpus>', description: 'CPUs to run on, such as 2-5; auto, or off (default: auto)' },
  {
    flags: '--out <dir>',
    description: 'write report.md, report.json, report.csv and report.svg',
    complete: 'folder',
  },
]

const boot: CommandSpec = {
  name: 'boot',
  description:
    'Measure cold starts, phase by phase: every function on every kernel on every VMM, started in turns. Images are ' +
    'built before. Prints the tables as Markdown (docs/bench.md).',
  summary: 'measure cold starts, phase by phase',
  options: [
    {
      flags: '--functions <list>',
      description:
        'folders or examples, with commas: node,./mine (default: all hello-* that can be built here)',
      complete: 'folder',
    },
    {
      flags: '--unikernels <list>',
      description:
        'kernels, with commas; NAME@VERSION for another than the default (default: those of the store)',
      complete: ['nanos', 'osv', 'unikraft', 'linux'],
    },
    {
      flags: '--vmms <list>',
      description: 'VMMs, with commas (default: those that can be used)',
      complete: ['firecracker', 'qemu'],
    },
    {
      flags: '--peers <list>',
      description:
        'other ways to start the same, in the same turns: all, or some of qemu,firecracker,ops,osv',
      complete: ['all', 'qemu', 'firecracker', 'ops', 'osv'],
    },
    {
      flags: '--no-control',
      description: 'leave out the starts without the entry mark, which show what it costs',
    },
    ...measuring,
    json,
  ],
  examples: [
    'ufr bench boot --functions node,python --unikernels nanos,linux',
    'ufr bench boot --functions ./mine --runs 21 --out results',
  ],
  action: async () => (await import('../bench.ts')).benchBoot,
}

const compare: CommandSpec = {
  name: 'compare',
  description:
    'Compare two reports, or with --ab two functions, two kernels, or two versions of one, which are then measured in ' +
    'turns. Exit status 1 where the second is slower by more than the threshold, and significantly so: a gate for CI.',
  summary: 'compare two reports, or two things in turns',
  arguments: [
    { name: '<a>', description: 'report.json; with --ab a function or a kernel', complete: 'file' },
    { name: '<b>', description: 'the same: it is a regression where this one is slower', complete: 'file' },
  ],
  options: [
    { flags: '--ab', description: 'measure A and B in turns, and compare them' },
    { flags: '--threshold <percent>', description: 'how much slower it may be (default: 5)' },
    { flags: '--level <p>', description: 'level of significance (default: 0.05)' },
    {
      flags: '--phase <name>',
      description: 'what is compared (default: total)',
      choices: ['total', 'start', 'kernel', 'entry', 'ready', 'work'],
    },
    {
      flags: '--force',
      description: 'compare reports of other schemas, machines or ways to run guests, too',
    },
    {
      flags: '--functions <list>',
      description: 'with --ab and two kernels: what is run on them (default: hello-node)',
      complete: 'folder',
    },
    {
      flags: '--unikernels <list>',
      description: 'with --ab and two functions: where they are run (default: the kernels of the store)',
      complete: ['nanos', 'osv', 'unikraft', 'linux'],
    },
    {
      flags: '--vmms <list>',
      description: 'with --ab: on which VMMs (default: those that can be used)',
      complete: ['firecracker', 'qemu'],
    },
    ...measuring,
    json,
  ],
  examples: [
    'ufr bench compare before/report.json after/report.json --threshold 10',
    'ufr bench compare --ab ./before ./after --unikernels nanos --runs 21',
    'ufr bench compare --ab nanos osv --functions node',
  ],
  action: async () => (await import('../bench-compare.ts')).benchCompare,
}

export const bench: CommandSpec = {
  name: 'bench',
  description: 'Measure cold starts, and compare what was measured.',
  summary: 'measure and compare cold starts',
  commands: [boot, compare],
}
