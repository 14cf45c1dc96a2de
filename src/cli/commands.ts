import { errorTable } from '../base/error-table.ts'
import { kernelNames } from '../unikernel/sources.ts'
import { vmmNames } from '../vmm/sources.ts'
import type { Action } from './outcome.ts'

/** What a shell can complete a word with. */
export type Completion = 'file' | 'folder' | readonly string[]

export interface OptionSpec {
  flags: string
  description: string
  /** The only values that are taken. */
  choices?: readonly string[]
  complete?: Completion
  /** Whether the command makes no sense without it. */
  required?: boolean
}

export interface ArgumentSpec {
  name: string
  description: string
  complete?: Completion
}

/** A command as help, completion and parsing know it; its code is loaded only when it runs. */
export interface CommandSpec {
  name: string
  description: string
  summary?: string
  arguments?: ArgumentSpec[]
  options?: OptionSpec[]
  commands?: CommandSpec[]
  examples?: string[]
  action?: () => Promise<Action>
}

const json: OptionSpec = { flags: '--json', description: 'print one JSON document (docs/json.md)' }
const folder: ArgumentSpec = {
  name: '[dir]',
  description: "the function's folder (default: this one)",
  complete: 'folder',
}
const image: ArgumentSpec = {
  name: '<image>',
  description: 'file, or digest of an image of the store',
  complete: 'file',
}
const unikernel: OptionSpec = {
  flags: '--unikernel <name>',
  description: 'guest kernel; auto takes nanos where its kernel is in the store, else linux',
  choices: ['auto', 'nanos', 'osv', 'unikraft', 'linux'],
}
const building = (word: string): OptionSpec[] => [
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
/** As they are in examples/; a test keeps the two together. */
const exampleNames = ['hello-node', 'web-node']
const nodeNames = ['nodejs24.x', 'nodejs22.x', 'nodejs20.x']

export const commands: CommandSpec[] = [
  {
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
      { flags: '--trace <file>', description: 'not there yet: a trace of the cold start' },
      json,
    ],
    examples: [
      `ufr run examples/hello-node --event '{"name":"Ada"}'`,
      'ufr run examples/web-node --request /',
      'ufr run examples/web-node --unikernel linux',
    ],
    action: async () => (await import('./run.ts')).run,
  },
  {
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
      { flags: '--observe', description: 'not there yet: add the files that a test run opens' },
      json,
    ],
    examples: [
      'ufr build examples/hello-node',
      'ufr build examples/hello-node --unikernel linux -o hello.img',
    ],
    action: async () => (await import('./build.ts')).build,
  },
  {
    name: 'init',
    description: 'Write a ufr.json for a folder from what its files show, or write an example.',
    summary: 'write a ufr.json, or an example',
    arguments: [folder],
    options: [
      {
        flags: '--example <name>',
        description: 'write this example into the folder (default: examples/NAME)',
        complete: exampleNames,
      },
      json,
    ],
    examples: ['ufr init', 'ufr init --example web-node my-server'],
    action: async () => (await import('./init.ts')).init,
  },
  {
    name: 'image',
    description:
      'Look at images: those of the store, and any file with a file system, partition table or archive.',
    summary: 'list, inspect, read, extract and remove images',
    commands: [
      {
        name: 'ls',
        description: 'List the files in an image, or the images of the store.',
        arguments: [{ ...image, name: '[image]' }],
        options: [json],
        action: async () => (await import('./image.ts')).list,
      },
      {
        name: 'inspect',
        description: 'Say what an image is: format, partitions, label, manifest.',
        arguments: [image],
        options: [json],
        action: async () => (await import('./image.ts')).inspect,
      },
      {
        name: 'cat',
        description: 'Print a file of an image.',
        arguments: [image, { name: '<path>', description: 'path in the image' }],
        action: async () => (await import('./image.ts')).cat,
      },
      {
        name: 'extract',
        description: 'Write the files of an image into a folder.',
        arguments: [
          image,
          { name: '<dir>', description: 'an empty folder, or one that is not there yet', complete: 'folder' },
        ],
        options: [json],
        action: async () => (await import('./image.ts')).extract,
      },
      {
        name: 'rm',
        description: 'Remove an image from the store, and what only it needs.',
        arguments: [{ name: '[image]', description: 'digest of an image of the store, or its beginning' }],
        options: [
          {
            flags: '--outdated',
            description: 'remove all images but the newest of each function on each kernel',
          },
          json,
        ],
        action: async () => (await import('./image.ts')).remove,
      },
    ],
  },
  {
    name: 'kernel',
    description: 'Guest kernels: get, import, build, list and remove them.',
    summary: 'guest kernels',
    commands: [
      {
        name: 'ls',
        description: 'List the kernels of the store.',
        options: [json],
        action: async () => (await import('./kernel.ts')).list,
      },
      {
        name: 'pull',
        description:
          'Download a kernel from where upstream publishes it; Linux comes from Debian through apt.',
        arguments: [
          {
            name: '<name>',
            description: `${kernelNames.join(', ')}; @version behind it for another than the latest`,
            complete: kernelNames,
          },
        ],
        options: [
          {
            flags: '--update',
            description: 'look for a newer linux although one is there; others always do',
          },
          json,
        ],
        action: async () => (await import('./kernel.ts')).pull,
      },
      {
        name: 'import',
        description:
          'Take a kernel of your own: a build tree, a release folder or the kernel alone; a Linux /boot/vmlinuz-… with ' +
          'its modules. What is looked for where: docs/kernels.md.',
        arguments: [
          { name: '<name>', description: kernelNames.join(', '), complete: kernelNames },
          { name: '<path>', description: 'folder or file', complete: 'file' },
        ],
        options: [
          {
            flags: '--modules <dir>',
            description:
              "linux: the kernel's modules (default: lib/modules beside its boot folder, or the host's)",
            complete: 'folder',
          },
          json,
        ],
        examples: [
          'ufr kernel import nanos ~/.ops/0.1.54',
          'ufr kernel import linux /boot/vmlinuz-6.1.0-18-amd64',
        ],
        action: async () => (await import('./kernel.ts')).importKernel,
      },
      {
        name: 'build',
        description:
          'Have a kernel from source: clones a repository with its submodules, runs a command in it, and imports what ' +
          'that made. Which command, says the page of each kernel (docs/kernels.md).',
        arguments: [
          { name: '<name>', description: 'the kernel that it makes', complete: kernelNames },
          { name: '<command...>', description: 'what builds it, after --' },
        ],
        options: [
          ...building('kernel'),
          {
            flags: '--modules <path>',
            description: "linux: folder of the kernel's modules, as a path in the clone",
          },
          json,
        ],
        examples: ['ufr kernel build nanos --repo ~/nanos --ref master --output . -- make -j4'],
        action: async () => (await import('./kernel.ts')).build,
      },
      {
        name: 'rm',
        description: 'Remove a kernel from the store.',
        arguments: [{ name: '<name>', description: 'such as nanos@0.1.55' }],
        options: [json],
        action: async () => (await import('./kernel.ts')).remove,
      },
    ],
  },
  {
    name: 'vmm',
    description:
      "Virtual machine monitors beside QEMU, which is the host's: get, import, build, list and remove them.",
    summary: 'virtual machine monitors',
    commands: [
      {
        name: 'ls',
        description: 'List the VMMs of the store.',
        options: [json],
        action: async () => (await import('./vmm.ts')).list,
      },
      {
        name: 'pull',
        description: "Download a VMM with its jailer from upstream's releases.",
        arguments: [
          {
            name: '<name>',
            description: `${vmmNames.join(', ')}; @version behind it for another than the latest`,
            complete: vmmNames,
          },
        ],
        options: [json],
        examples: ['ufr vmm pull firecracker', 'ufr vmm pull firecracker@1.16.1'],
        action: async () => (await import('./vmm.ts')).pull,
      },
      {
        name: 'import',
        description:
          'Take a VMM of your own: a program with the jailer beside it, an unpacked release, a build tree.',
        arguments: [
          { name: '<name>', description: 'firecracker', complete: vmmNames },
          { name: '<path>', description: 'folder or file', complete: 'file' },
        ],
        options: [json],
        examples: [
          'ufr vmm import firecracker release-v1.16.1-x86_64',
          'ufr vmm import firecracker /usr/local/bin/firecracker',
        ],
        action: async () => (await import('./vmm.ts')).importVmm,
      },
      {
        name: 'build',
        description:
          'Have a VMM from source: clones a repository with its submodules, runs a command in it, and imports what that ' +
          'made. Which command, says the page of each VMM (docs/vmms.md).',
        arguments: [
          { name: '<name>', description: 'the VMM that it makes', complete: vmmNames },
          { name: '<command...>', description: 'what builds it, after --' },
        ],
        options: [...building('VMM'), json],
        examples: [
          'ufr vmm build firecracker --repo ~/firecracker --ref main --output . -- cargo build --release',
        ],
        action: async () => (await import('./vmm.ts')).build,
      },
      {
        name: 'rm',
        description: 'Remove a VMM from the store.',
        arguments: [{ name: '<name>', description: 'such as firecracker@1.16.1' }],
        options: [json],
        action: async () => (await import('./vmm.ts')).remove,
      },
    ],
  },
  {
    name: 'runtime',
    description: 'Language runtimes: get, list and remove them.',
    summary: 'language runtimes',
    commands: [
      {
        name: 'ls',
        description: 'List the runtimes of the store.',
        options: [json],
        action: async () => (await import('./runtime.ts')).list,
      },
      {
        name: 'pull',
        description: 'Get a runtime; `ufr run` does so by itself.',
        arguments: [{ name: '<name>', description: 'such as nodejs24.x', complete: nodeNames }],
        options: [{ flags: '--update', description: 'look for a newer version although one is there' }, json],
        action: async () => (await import('./runtime.ts')).pull,
      },
      {
        name: 'rm',
        description: 'Remove a runtime.',
        arguments: [{ name: '<name>', description: 'such as node@24.21.0' }],
        options: [json],
        action: async () => (await import('./runtime.ts')).remove,
      },
    ],
  },
  {
    name: 'doctor',
    description: 'Check host, acceleration, VMMs, kernels, runtimes and permissions; each lack with its fix.',
    summary: 'check what this machine has and lacks',
    options: [json],
    action: async () => (await import('./doctor.ts')).doctor,
  },
  {
    name: 'explain',
    description: 'Explain an error code.',
    summary: 'explain an error code',
    arguments: [{ name: '<code>', description: 'such as UFR-KVM', complete: Object.keys(errorTable) }],
    options: [json],
    action: async () => (await import('./explain.ts')).explain,
  },
  {
    name: 'completion',
    description: 'Print the completion script of a shell.',
    summary: 'print the completion script of a shell',
    arguments: [{ name: '<shell>', description: 'bash, zsh or fish', complete: ['bash', 'zsh', 'fish'] }],
    examples: [
      'source <(ufr completion bash)     # in ~/.bashrc',
      'source <(ufr completion zsh)      # in ~/.zshrc, after compinit',
      'ufr completion fish > ~/.config/fish/completions/ufr.fish',
    ],
    action: async () => (await import('./completion.ts')).completion,
  },
]
