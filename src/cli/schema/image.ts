import type { XStatic } from 'typebox/schema'
import { bytes, draft, sha256, time } from './parts.ts'

/** An image of the store. */
const record = {
  description: 'What the store knows of an image.',
  type: 'object',
  required: ['schemaVersion', 'digest', 'function', 'unikernel', 'kernel', 'volumes', 'builtAt'],
  properties: {
    schemaVersion: { const: 1 },
    digest: { description: 'sha256 over everything that decides what the image does.', ...sha256 },
    function: { description: 'Name of the function that it was built for first.', type: 'string' },
    source: { description: 'Folder of that function.', type: 'string' },
    unikernel: { description: 'The kernel that it is for.', type: 'string' },
    kernel: {
      type: 'object',
      required: ['version', 'digest'],
      properties: { version: { type: 'string' }, digest: sha256 },
    },
    volumes: {
      type: 'array',
      items: {
        type: 'object',
        required: ['role', 'key', 'title', 'bytes'],
        properties: {
          role: { description: 'What it is to the unikernel, such as base.', type: 'string' },
          key: { description: 'Its name in the store.', ...sha256 },
          title: { description: 'For people.', type: 'string' },
          bytes: { description: 'What it holds; the file may be larger, with holes.', ...bytes },
        },
      },
    },
    builtAt: time,
  },
} as const

const mode = { description: 'Permission bits in octal.', type: 'string', pattern: '^[0-7]{4}$' } as const
const path = { description: 'Relative to the root of the image.', type: 'string' } as const

const entry = {
  anyOf: [
    {
      type: 'object',
      required: ['path', 'kind', 'mode', 'bytes'],
      properties: { path, kind: { const: 'file' }, mode, bytes },
    },
    {
      type: 'object',
      required: ['path', 'kind', 'mode'],
      properties: { path, kind: { const: 'directory' }, mode },
    },
    {
      type: 'object',
      required: ['path', 'kind', 'target'],
      properties: { path, kind: { const: 'link' }, target: { type: 'string' } },
    },
  ],
} as const

const files = {
  title: 'The files in an image',
  type: 'object',
  required: ['entries'],
  properties: {
    entries: { description: 'By path, each folder before what is in it.', type: 'array', items: entry },
  },
} as const

const images = {
  title: 'The images of the store',
  type: 'object',
  required: ['images'],
  properties: { images: { description: 'The newest first.', type: 'array', items: record } },
} as const

export const imageLsSchema = { $schema: draft, title: 'ufr image ls --json', anyOf: [files, images] } as const

export const imageInspectSchema = {
  $schema: draft,
  title: 'ufr image inspect --json',
  type: 'object',
  required: ['image', 'parts'],
  properties: {
    image: { description: 'The image as it was named.', type: 'string' },
    record,
    parts: {
      description: 'The file systems and archives that were found.',
      type: 'array',
      items: {
        type: 'object',
        required: ['format', 'offset', 'entries', 'bytes'],
        properties: {
          volume: {
            description: 'Role of the volume that it is in, for an image of the store.',
            type: 'string',
          },
          format: { enum: ['tfs', 'erofs', 'rofs', 'cpio'] },
          partition: {
            description:
              'Number of the partition, from 1; not there where the file is the file system itself.',
            type: 'integer',
            minimum: 1,
          },
          offset: { description: 'Where it begins in the file.', ...bytes },
          label: { type: 'string' },
          uuid: { type: 'string' },
          manifest: {
            description: 'What a TFS says besides its files: program, arguments, environment and so on.',
            type: 'object',
            additionalProperties: true,
          },
          entries: { description: 'How many files, folders and links it has.', ...bytes },
          bytes: { description: 'Bytes of all files together.', ...bytes },
        },
      },
    },
  },
} as const

export const imageExtractSchema = {
  $schema: draft,
  title: 'ufr image extract --json',
  type: 'object',
  required: ['folder', 'entries'],
  properties: {
    folder: { description: 'Absolute path.', type: 'string' },
    entries: { description: 'How many files, folders and links were written.', ...bytes },
  },
} as const

const sum = { files: { description: 'How many.', ...bytes }, bytes } as const
const reason = {
  description:
    'folder: in the folder, all of which goes into the image; named, matched: by a path or a pattern of `files`; ' +
    'program: what runs; needed: an ELF file names it; runtime: of the language runtime; input: of a root file system ' +
    'that came with the function; observed: asked for when the function was observed; ufr: what ufr itself needs; ' +
    'unknown: there is only the image to ask.',
  enum: ['folder', 'named', 'matched', 'program', 'needed', 'runtime', 'input', 'observed', 'ufr', 'unknown'],
} as const
const from = {
  description: 'What the reason goes back to: the rule, the package or runtime, the name that was asked for.',
  type: 'string',
} as const

export const imageExplainSchema = {
  $schema: draft,
  title: 'ufr image explain --json',
  type: 'object',
  required: ['image', 'total', 'groups', 'files'],
  properties: {
    image: { description: 'The image as it was named.', type: 'string' },
    function: { description: 'Name of the function, where it is there to ask.', type: 'string' },
    unikernel: { description: 'The kernel that it is for.', type: 'string' },
    digest: {
      description: 'Digest of the image that a build would make now, or of the image named.',
      ...sha256,
    },
    observed: {
      description: 'What is known of the files that the function uses; not there where it was not observed.',
      type: 'object',
      required: ['at', 'events', 'complete', 'shrunk', 'unused'],
      properties: {
        at: time,
        events: { description: 'What the function was asked.', type: 'array', items: { type: 'string' } },
        complete: { description: 'Whether all of that was answered, and all seen.', type: 'boolean' },
        shrunk: { description: 'Whether images have only what was used, and a safe set.', type: 'boolean' },
        unused: {
          description: 'Files that are carried for nothing, those of ufr itself not counted.',
          type: 'object',
          required: ['files', 'bytes'],
          properties: sum,
        },
      },
    },
    total: {
      description: 'All files of the image, whatever is shown of them.',
      type: 'object',
      required: ['files', 'bytes'],
      properties: sum,
    },
    groups: {
      description: 'All files of the image by reason, the heaviest first.',
      type: 'array',
      items: {
        type: 'object',
        required: ['reason', 'files', 'bytes'],
        properties: { reason, from, ...sum },
      },
    },
    files: {
      description: 'The files and links that were asked for, or all; the largest first.',
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'kind', 'bytes', 'reason'],
        properties: {
          path: { description: 'Absolute path in the guest.', type: 'string' },
          kind: { enum: ['file', 'link'] },
          bytes,
          target: { description: 'Of a link.', type: 'string' },
          reason,
          from,
          neededBy: {
            description:
              "Paths of who needs it, by the ELF files' own word: what starts first, what names it last.",
            type: 'array',
            items: { type: 'string' },
          },
          source: { description: 'Where on the host it was taken from.', type: 'string' },
          used: {
            description:
              'How the function came to it when it was observed: looked is asked about, but not opened.',
            enum: ['opened', 'looked', 'no'],
          },
        },
      },
    },
  },
} as const

const manifestReport = {
  title: 'A usr.manifest for OSv (--manifest)',
  type: 'object',
  required: ['image', 'manifest'],
  properties: {
    image: { description: 'The function or ELF file as it was named.', type: 'string' },
    manifest: { description: 'Its lines.', type: 'array', items: { type: 'string' } },
  },
} as const

export const imageExplainSchemas = {
  $schema: draft,
  title: 'ufr image explain --json',
  anyOf: [{ ...imageExplainSchema, title: 'Why files are in an image' }, manifestReport],
} as const

export type ImageExplainReport = XStatic<typeof imageExplainSchema>
export type ImageManifestReport = XStatic<typeof manifestReport>
export type ImageFilesReport = XStatic<typeof files>
export type ImagesReport = XStatic<typeof images>
export type ImageInspectReport = XStatic<typeof imageInspectSchema>
export type ImageExtractReport = XStatic<typeof imageExtractSchema>

export const imageRemovedSchema = {
  $schema: draft,
  title: 'ufr image rm --json',
  type: 'object',
  required: ['removed', 'freed'],
  properties: {
    removed: { description: 'Digests of the images that are gone.', type: 'array', items: sha256 },
    freed: { description: 'Bytes of the disk that are free again.', type: 'integer', minimum: 0 },
  },
} as const

export type ImageRemovedReport = XStatic<typeof imageRemovedSchema>
