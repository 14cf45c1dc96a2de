import { vmmNames } from '../../vmm/sources.ts'
import { building } from './building.ts'
import { json } from './shared.ts'
import type { CommandSpec } from './spec.ts'

export const vmm: CommandSpec = {
  name: 'vmm',
  description:
    "Virtual machine monitors beside QEMU, which is the host's: get, import, build, list and remove them.",
  summary: 'virtual machine monitors',
  commands: [
    {
      name: 'ls',
      description: 'List the VMMs of the store.',
      options: [json],
      action: async () => (await import('../vmm.ts')).list,
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
      action: async () => (await import('../vmm.ts')).pull,
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
      action: async () => (await import('../vmm.ts')).importVmm,
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
      action: async () => (await import('../vmm.ts')).build,
    },
    {
      name: 'rm',
      description: 'Remove a VMM from the store.',
      arguments: [{ name: '<name>', description: 'such as firecracker@1.16.1' }],
      options: [json],
      action: async () => (await import('../vmm.ts')).remove,
    },
  ],
}
