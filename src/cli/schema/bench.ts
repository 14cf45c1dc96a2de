import type { XStatic } from 'typebox/schema'
import { bytes, draft, sha256, time, unikernelName } from './parts.ts'

const vmmName = { enum: ['firecracker', 'qemu'] } as const
const accel = { description: 'kvm, or tcg: emulated.', enum: ['kvm', 'tcg'] } as const
const mark = { type: ['number', 'null'] } as const
const text = { type: 'string' } as const

const reason = {
  type: 'object',
  required: ['code', 'message'],
  properties: { code: { type: 'string', pattern: '^UFR-[A-Z]+(-[A-Z]+)*$' }, message: text },
} as const

const reasonOrNull = { anyOf: [reason, { type: 'null' }] } as const

const summary = {
  anyOf: [
    {
      type: 'object',
      required: ['count', 'mean', 'median', 'p95', 'deviation', 'least', 'most'],
      properties: {
        count: { type: 'integer', minimum: 1 },
        mean: { type: 'number' },
        median: { type: 'number' },
        p95: { description: 'Interpolated between neighbours.', type: 'number' },
        deviation: { description: 'Standard deviation of a sample; 0 for a single run.', type: 'number' },
        least: { type: 'number' },
        most: { type: 'number' },
      },
    },
    { type: 'null' },
  ],
} as const

const run = {
  type: 'object',
  required: ['round', 'discarded', 'phases', 'error'],
  properties: {
    round: { type: 'integer', minimum: 1 },
    discarded: {
      description: 'Whether it is one of the first, which only warm the caches.',
      type: 'boolean',
    },
    phases: {
      description:
        "Marks in milliseconds since the VMM's start, as `ufr run --json` has them; null where it failed.",
      anyOf: [
        {
          type: 'object',
          required: ['vmm', 'vcpu', 'kernel', 'entry', 'ready', 'response'],
          properties: {
            vmm: { type: 'number' },
            vcpu: mark,
            kernel: mark,
            entry: mark,
            ready: mark,
            response: mark,
          },
        },
        { type: 'null' },
      ],
    },
    error: { description: 'Why it failed, where it did.', ...reasonOrNull },
  },
} as const

export const cell = {
  type: 'object',
  required: [
    'function',
    'source',
    'runtime',
    'unikernel',
    'kernelVersion',
    'vmm',
    'accel',
    'arm',
    'image',
    'entryOf',
    'notes',
    'reason',
    'runs',
    'statistics',
  ],
  properties: {
    function: { description: 'Name of the function.', type: 'string' },
    source: { description: 'How it was named on the command line: a path, or an example.', type: 'string' },
    runtime: { description: 'null where not even that could be found out.', type: ['string', 'null'] },
    unikernel: unikernelName,
    kernelVersion: { type: ['string', 'null'] },
    vmm: vmmName,
    accel,
    arm: {
      description:
        'What started it: ufr; ufr `without mark`, with an image that has no entry mark; or a peer.',
      type: 'string',
    },
    image: {
      description: 'null where there is none, or it is not made by ufr.',
      anyOf: [
        { type: 'object', required: ['digest', 'bytes'], properties: { digest: sha256, bytes } },
        { type: 'null' },
      ],
    },
    entryOf: {
      description: 'File in the guest whose first instruction is the mark `entry`.',
      type: ['string', 'null'],
    },
    notes: { type: 'array', items: text },
    reason: { description: 'Why it could not be run at all, or not any more.', ...reasonOrNull },
    runs: { type: 'array', items: run },
    statistics: {
      description:
        'Milliseconds of each step in the runs that count; null where a mark for it was not to be had.',
      type: 'object',
      required: ['start', 'kernel', 'entry', 'ready', 'work', 'total'],
      properties: {
        start: { description: "From the VMM's start to that of the vCPU.", ...summary },
        kernel: { description: "From the vCPU's start to the kernel's first sign of life.", ...summary },
        entry: { description: "From the vCPU's start to the program's entry point.", ...summary },
        ready: { description: 'From the entry point until it could take work.', ...summary },
        work: { description: 'From then to the whole answer.', ...summary },
        total: { description: "From the VMM's start to the whole answer.", ...summary },
      },
    },
  },
} as const

export const benchBootSchema = {
  $schema: draft,
  title: 'ufr bench boot --json, and report.json',
  type: 'object',
  required: [
    'schemaVersion',
    'kind',
    'ufr',
    'startedAt',
    'endedAt',
    'partial',
    'machine',
    'conditions',
    'runs',
    'discard',
    'leftOut',
    'cells',
  ],
  properties: {
    schemaVersion: { description: 'Reports of different ones cannot be compared.', const: 1 },
    kind: { const: 'boot' },
    ufr: { description: 'Version of ufr.', type: 'string' },
    startedAt: time,
    endedAt: time,
    partial: { description: 'Whether it was interrupted before all rounds were run.', type: 'boolean' },
    machine: {
      type: 'object',
      required: ['processor', 'cores', 'memoryGiB', 'hostKernel', 'emulated', 'node'],
      properties: {
        processor: text,
        cores: { type: 'integer', minimum: 1 },
        memoryGiB: { type: 'integer', minimum: 0 },
        hostKernel: { description: "Release of the host's kernel.", type: 'string' },
        emulated: {
          description: 'Whether the machine itself is an emulated one: then KVM in it is emulated, too.',
          type: 'boolean',
        },
        node: { description: 'Version of Node.js that ufr runs on.', type: 'string' },
      },
    },
    conditions: {
      type: 'object',
      required: [
        'accel',
        'accelReason',
        'cpus',
        'pinning',
        'caches',
        'loadBefore',
        'loadAfter',
        'vmms',
        'kernels',
      ],
      properties: {
        accel,
        accelReason: { description: 'Why guests ran that way.', type: 'string' },
        cpus: {
          description: 'CPUs that everything ran on, as taskset has them; null where nothing was pinned.',
          type: ['string', 'null'],
        },
        pinning: { description: 'How that was decided.', type: 'string' },
        caches: { description: 'What was in which cache.', type: 'string' },
        loadBefore: { description: 'Processes that wanted to run, averaged over a minute.', type: 'number' },
        loadAfter: { type: 'number' },
        vmms: {
          type: 'array',
          items: {
            type: 'object',
            required: ['name', 'version'],
            properties: { name: vmmName, version: text, note: text },
          },
        },
        kernels: {
          type: 'array',
          items: {
            type: 'object',
            required: ['name', 'version', 'digest'],
            properties: { name: unikernelName, version: text, digest: sha256 },
          },
        },
      },
    },
    runs: { description: 'Rounds that were asked for.', type: 'integer', minimum: 1 },
    discard: { description: 'How many of them are not looked at.', type: 'integer', minimum: 0 },
    leftOut: {
      description: 'What was not measured.',
      type: 'array',
      items: { type: 'object', required: ['what', 'reason'], properties: { what: text, reason } },
    },
    cells: { description: 'By kernel and VMM, then by function.', type: 'array', items: cell },
  },
} as const

export type BenchBootReport = XStatic<typeof benchBootSchema>

const number = { type: ['number', 'null'] } as const

const side = {
  type: 'object',
  required: ['count', 'median'],
  properties: {
    count: { description: 'Runs that count.', type: 'integer', minimum: 0 },
    median: { description: 'Milliseconds.', ...number },
  },
} as const

export const benchCompareSchema = {
  $schema: draft,
  title: 'ufr bench compare --json',
  description: 'Exit status 1 where there is a regression.',
  type: 'object',
  required: [
    'schemaVersion',
    'kind',
    'first',
    'second',
    'phase',
    'threshold',
    'level',
    'regressions',
    'cells',
    'notes',
  ],
  properties: {
    schemaVersion: { const: 1 },
    kind: { const: 'compare' },
    first: { description: 'As it was named: a file, or with --ab a function or a kernel.', type: 'string' },
    second: text,
    phase: {
      description: 'The step that was compared.',
      enum: ['start', 'kernel', 'entry', 'ready', 'work', 'total'],
    },
    threshold: { description: 'Percent by which the second may be slower.', type: 'number', minimum: 0 },
    level: { description: 'Level of significance.', type: 'number' },
    regressions: { description: 'How many of the cells are.', type: 'integer', minimum: 0 },
    cells: {
      type: 'array',
      items: {
        type: 'object',
        required: [
          'what',
          'first',
          'second',
          'shift',
          'percent',
          'interval',
          'p',
          'delta',
          'verdict',
          'note',
        ],
        properties: {
          what: { description: 'Function, kernel and VMM.', type: 'string' },
          first: side,
          second: side,
          shift: {
            description:
              'By how many milliseconds the second is slower: the median of the differences of all pairs.',
            ...number,
          },
          percent: { description: "The same in percent of the first's median.", ...number },
          interval: {
            description: 'Where the shift lies with a confidence of 1 - level; null for too few runs.',
            anyOf: [
              {
                type: 'object',
                required: ['low', 'high'],
                properties: { low: { type: 'number' }, high: { type: 'number' } },
              },
              { type: 'null' },
            ],
          },
          p: { description: 'Of the exact two-sided rank sum test (Mann-Whitney).', ...number },
          delta: {
            description:
              "Cliff's delta: from -1, every run of the second is faster, to 1, every one is slower.",
            ...number,
          },
          verdict: { enum: ['regression', 'improvement', 'same', 'unclear', 'not compared'] },
          note: { type: ['string', 'null'] },
        },
      },
    },
    notes: {
      description: 'What else is different, and what only one of them has.',
      type: 'array',
      items: text,
    },
  },
} as const

export type BenchCompareReport = XStatic<typeof benchCompareSchema>
