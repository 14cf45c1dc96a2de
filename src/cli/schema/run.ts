import type { XStatic } from 'typebox/schema'
import { draft, image, unikernelName } from './parts.ts'

const mark = { type: ['number', 'null'] } as const

/** What the reports of all shapes have. */
const common = {
  function: { description: 'Name of the function.', type: 'string' },
  unikernel: { description: 'The kernel that ran it.', ...unikernelName },
  kernelVersion: { type: 'string' },
  vmm: { description: 'The virtual machine monitor.', enum: ['firecracker', 'qemu'] },
  accel: { description: 'kvm, or tcg: emulated.', enum: ['kvm', 'tcg'] },
  image,
  phases: {
    description:
      "When the cold start came to each step: milliseconds since the VMM's process was started, by the host's clock; null where a mark is not to be had.",
    type: 'object',
    required: ['vmm', 'vcpu', 'kernel', 'entry', 'ready', 'response'],
    properties: {
      vmm: { description: "The VMM's process was started: 0.", type: 'number' },
      vcpu: { description: 'The first virtual CPU ran.', ...mark },
      kernel: { description: "The kernel's first sign of life on the console.", ...mark },
      entry: {
        description:
          "The program's first instruction, before its runtime begins; its dynamic linker's where it has one (docs/phases.md).",
        ...mark,
      },
      ready: { description: 'The function could take work.', ...mark },
      response: { description: 'The whole answer was there.', ...mark },
    },
  },
  notes: {
    description: 'What is to be known about how it was run: emulated for want of KVM, without its jailer, …',
    type: 'array',
    items: { type: 'string' },
  },
} as const

const always = ['function', 'unikernel', 'kernelVersion', 'vmm', 'accel', 'image', 'phases'] as const

const consoleText = {
  description: 'What the guest printed, standard output and standard error together; the first 16 MiB.',
  type: 'string',
} as const

const base64 = { description: 'There and true where it is base64, for it is no UTF-8.', const: true } as const

export const handlerReport = {
  title: 'A handler that answered',
  type: 'object',
  required: ['shape', ...always, 'response', 'console'],
  properties: {
    ...common,
    shape: { const: 'handler' },
    response: { description: 'What the handler returned; a text where it streamed what is no JSON.' },
    base64,
    console: consoleText,
  },
} as const

export const handlerErrorReport = {
  title: 'A handler that failed (exit status 1)',
  type: 'object',
  required: ['shape', ...always, 'error', 'console'],
  properties: {
    ...common,
    shape: { const: 'handler' },
    error: {
      description: "The error in AWS Lambda's shape.",
      type: 'object',
      required: ['errorType', 'errorMessage', 'trace'],
      properties: {
        errorType: { type: 'string' },
        errorMessage: { type: 'string' },
        trace: { type: 'array', items: { type: 'string' } },
      },
      additionalProperties: true,
    },
    console: consoleText,
  },
} as const

export const requestReport = {
  title: 'A web function that was asked once (--request; exit status 1 from HTTP status 500 on)',
  type: 'object',
  required: ['shape', ...always, 'response', 'console'],
  properties: {
    ...common,
    shape: { const: 'web' },
    response: {
      type: 'object',
      required: ['status', 'headers', 'body'],
      properties: {
        status: { description: 'HTTP status.', type: 'integer', minimum: 100, maximum: 999 },
        headers: {
          description: 'By lower-case name; set-cookie is a list.',
          type: 'object',
          additionalProperties: {
            anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
          },
        },
        body: { type: 'string' },
        base64,
      },
    },
    console: consoleText,
  },
} as const

export const servingReport = {
  title: 'A web function that is served until Ctrl-C: printed once it is ready',
  type: 'object',
  required: ['shape', ...always, 'url'],
  properties: {
    ...common,
    shape: { const: 'web' },
    url: { description: 'Where it answers, on loopback.', type: 'string' },
  },
} as const

export const programReport = {
  title: 'A program that ended (exit status 1 where its own was not 0)',
  type: 'object',
  required: ['shape', ...always, 'response', 'console'],
  properties: {
    ...common,
    shape: { const: 'program' },
    response: {
      type: 'object',
      required: ['status', 'output'],
      properties: {
        status: {
          description: "The program's exit status; 128 and the signal's number where a signal ended it.",
          type: 'integer',
        },
        output: { description: 'Its standard output, the first 16 MiB.', type: 'string' },
        base64,
        cut: { description: 'There and true where it printed more than that.', const: true },
      },
    },
    console: consoleText,
  },
} as const

export const runSchema = {
  $schema: draft,
  title: 'ufr run --json',
  anyOf: [handlerReport, handlerErrorReport, requestReport, servingReport, programReport],
} as const

export type HandlerReport = XStatic<typeof handlerReport>
export type HandlerErrorReport = XStatic<typeof handlerErrorReport>
export type RequestReport = XStatic<typeof requestReport>
export type ServingReport = XStatic<typeof servingReport>
export type ProgramReport = XStatic<typeof programReport>
export type RunReport = HandlerReport | HandlerErrorReport | RequestReport | ServingReport | ProgramReport
