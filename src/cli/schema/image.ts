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
