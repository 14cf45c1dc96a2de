import { imageFile, json, unikernel } from './shared.ts'
import type { CommandSpec } from './spec.ts'

export const image: CommandSpec = {
  name: 'image',
  description:
    'Look at images: those of the store, and any file with a file system, partition table or archive.',
  summary: 'list, inspect, read, extract and remove images',
  commands: [
    {
      name: 'ls',
      description: 'List the files in an image, or the images of the store.',
      arguments: [{ ...imageFile, name: '[image]' }],
      options: [json],
      action: async () => (await import('../image.ts')).list,
    },
    {
      name: 'inspect',
      description: 'Say what an image is: format, partitions, label, manifest.',
      arguments: [imageFile],
      options: [json],
      action: async () => (await import('../image.ts')).inspect,
    },
    {
      name: 'cat',
      description: 'Print a file of an image.',
      arguments: [imageFile, { name: '<path>', description: 'path in the image' }],
      action: async () => (await import('../image.ts')).cat,
    },
    {
      name: 'extract',
      description: 'Write the files of an image into a folder.',
      arguments: [
        imageFile,
        { name: '<dir>', description: 'an empty folder, or one that is not there yet', complete: 'folder' },
      ],
      options: [json],
      action: async () => (await import('../image.ts')).extract,
    },
    {
      name: 'explain',
      description:
        'Say why files are in the image of a function: named, matched, needed by which chain of libraries, part of ' +
        'the runtime, used when it was observed. Nothing is built for it. What an image file tells by itself: who ' +
        'needs what.',
      summary: 'why files are in an image',
      arguments: [
        {
          name: '[image]',
          description: "the function's folder (default: this one), or an image as for inspect",
          complete: 'file',
        },
        { name: '[path...]', description: 'files or folders in the guest, to say more of them' },
      ],
      options: [
        { flags: '--all', description: 'list all files, the largest first' },
        {
          flags: '--unused',
          description: 'list the files that the function did not use when it was observed',
        },
        {
          flags: '--manifest',
          description:
            "print the usr.manifest of OSv's manifest_from_host.sh for the program, or for an ELF file",
        },
        unikernel,
        json,
      ],
      examples: [
        'ufr image explain examples/hello-node',
        'ufr image explain examples/hello-node /lib/x86_64-linux-gnu/libm.so.6',
        'ufr image explain --manifest /usr/bin/git',
      ],
      action: async () => (await import('../image-explain.ts')).explainImage,
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
      action: async () => (await import('../image.ts')).remove,
    },
  ],
}
