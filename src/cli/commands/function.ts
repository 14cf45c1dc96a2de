import { exampleNames } from './examples.ts'
import { folder, json, unikernel, whatRuns } from './shared.ts'
import type { CommandSpec } from './spec.ts'

export const run: CommandSpec = {
  name: 'run',
  description:
    'Build a function, boot it, invoke it and print the result. A handler gets one event; a web function is served ' +
    'until Ctrl-C, or asked once with --request; a program runs to its end.',
  summary: 'build, boot and invoke a function',
  arguments: [folder],
  options: [
    {
      flags: '--event <json>',
      description: 'event for a handler: JSON, @file, or - for standard input (default: {})',
    },
    {
      flags: '--request <path>',
      description: 'ask a web function for this path once and print its answer',
    },
    unikernel,
    {
      flags: '--vmm <name>',
      description: 'virtual machine monitor',
      choices: ['auto', 'firecracker', 'qemu'],
    },
    {
      flags: '--accel <name>',
      description: 'kvm, or tcg for emulation; auto takes kvm where a probe guest shows that it works',
      choices: ['auto', 'kvm', 'tcg'],
    },
    {
      flags: '--link <name>',
      description: 'how host and guest talk; auto takes the one that needs least',
      choices: ['auto', 'user', 'tap', 'vsock'],
    },
    { flags: '--memory <MiB>', description: "the guest's memory" },
    { flags: '--timeout <s>', description: 'longest time for an answer, in seconds' },
    ...whatRuns,
    {
      flags: '--trace <file>',
      description:
        'write where the time went, for chrome://tracing and Perfetto, or OpenTelemetry (FILE.otlp.json)',
      complete: 'file',
    },
    {
      flags: '--trace-format <name>',
      description: "chrome or otlp, whatever the file's name",
      choices: ['chrome', 'otlp'],
    },
    json,
  ],
  examples: [
    `ufr run examples/hello-node --event '{"name":"Ada"}'`,
    'ufr run examples/web-node --request /',
    'ufr run examples/web-node --unikernel linux',
    'ufr run examples/hello-node --trace trace.json',
  ],
  action: async () => (await import('../run.ts')).run,
}

export const build: CommandSpec = {
  name: 'build',
  description:
    'Build the image of a function. It is kept in the store; -o writes one self-contained disk as well.',
  summary: 'build the image of a function',
  arguments: [folder],
  options: [
    {
      flags: '-o, --output <file>',
      description: 'write one disk with everything on it, for other tools',
      complete: 'file',
    },
    unikernel,
    ...whatRuns,
    {
      flags: '--observe',
      description:
        'run the test events once on linux, see which files the function asks for, add those that are missing',
    },
    { flags: '--shrink', description: 'leave out what was not used when the function was observed' },
    { flags: '--forget', description: 'forget what was observed of the function before' },
    {
      flags: '--event <json>',
      description: 'with --observe: event for a handler (default: events/*.json)',
    },
    { flags: '--request <path>', description: 'with --observe: path to ask a web function for' },
    json,
  ],
  examples: [
    'ufr build examples/hello-node',
    'ufr build examples/hello-node --unikernel linux -o hello.img',
    'ufr build examples/hello-node --observe --shrink',
  ],
  action: async () => (await import('../build.ts')).build,
}

export const check: CommandSpec = {
  name: 'check',
  description:
    'Say whether a function will run on a kernel, before anything is built or booted: what its program and its ' +
    'libraries may ask the kernel for, against what the kernel has (docs/check.md).',
  summary: 'say whether a function will run on a kernel',
  arguments: [folder],
  options: [
    {
      flags: '--unikernel <names>',
      description: 'kernels to ask about, with commas between them (default: all, side by side)',
      complete: ['nanos', 'osv', 'unikraft', 'linux'],
    },
    { flags: '--memory <MiB>', description: "the guest's memory" },
    json,
  ],
  examples: ['ufr check examples/hello-node', 'ufr check examples/web-node --unikernel nanos,osv'],
  action: async () => (await import('../check.ts')).check,
}

export const init: CommandSpec = {
  name: 'init',
  description:
    "Write a ufr.json for a folder from what its files show or another tool's file in it says, or write an example.",
  summary: 'write a ufr.json, or an example',
  arguments: [folder],
  options: [
    {
      flags: '--example <name>',
      description: 'write this example into the folder (default: examples/NAME)',
      complete: exampleNames,
    },
    ...whatRuns,
    json,
  ],
  examples: ['ufr init', 'ufr init --example web-node my-server'],
  action: async () => (await import('../init.ts')).init,
}
