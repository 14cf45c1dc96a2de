import { kernelNames } from '../../unikernel/sources.ts'
import { building } from './building.ts'
import { json } from './shared.ts'
import type { CommandSpec } from './spec.ts'

export const kernel: CommandSpec = {
  name: 'kernel',
  description: 'Guest kernels: get, import, build, list and remove them.',
  summary: 'guest kernels',
  commands: [
    {
      name: 'ls',
      description: 'List the kernels of the store.',
      options: [json],
      action: async () => (await import('../kernel.ts')).list,
    },
    {
      name: 'pull',
      description: 'Download a kernel from where upstream publishes it; Linux comes from Debian through apt.',
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
      action: async () => (await import('../kernel.ts')).pull,
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
      action: async () => (await import('../kernel.ts')).importKernel,
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
      action: async () => (await import('../kernel.ts')).build,
    },
    {
      name: 'rm',
      description: 'Remove a kernel from the store.',
      arguments: [{ name: '<name>', description: 'such as nanos@0.1.55' }],
      options: [json],
      action: async () => (await import('../kernel.ts')).remove,
    },
  ],
}
