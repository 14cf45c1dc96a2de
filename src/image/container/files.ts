import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { foreignText } from '../formats/foreign-tree.ts'
import { corruptTar, type TarEntry, tarEntries } from '../formats/tar/entries.ts'
import { blockBytes, readHeader } from '../formats/tar/header.ts'
import { withSource } from '../source.ts'
import type { Place } from './place.ts'

/** The files that images are kept in: a folder, or an archive of tar. */
export interface ImageFiles {
  /** As given. */
  shown: string
  /** Undefined where there is no such file. */
  place(name: string): Place | undefined
}

/** An archive of images has a few files a layer. */
const maxArchiveEntries = 10_000
const maxLinks = 40

/** The files of a folder. */
export function folderFiles(folder: string): ImageFiles {
  return {
    shown: folder,
    place(name) {
      const file = path.join(folder, ...name.split('/'))
      if (path.relative(folder, file).startsWith('..')) return undefined
      const stat = fs.statSync(file, { throwIfNoEntry: false })
      return stat?.isFile() ? { file: path.resolve(file), offset: 0, size: stat.size } : undefined
    },
  }
}

/** Whether a file begins as an archive of tar does. */
export function isTar(file: string): boolean {
  return withSource(file, (source) => {
    try {
      return source.size >= blockBytes && readHeader(source, 0) !== undefined
    } catch (error) {
      if (error instanceof UfrError && error.code === 'UFR-FORMAT') return false
      throw error
    }
  })
}

/**
 * The files of an archive that is not packed: only its headers are read.
 * @throws UfrError UFR-FORMAT where it is truncated, or none.
 */
export function archiveFiles(file: string): ImageFiles {
  const entries = new Map<string, TarEntry>()
  const text = foreignText('an archive of container images')
  withSource(file, (source) => {
    for (const entry of tarEntries(source, text)) {
      if (entries.size >= maxArchiveEntries) throw corruptTar(`more than ${maxArchiveEntries} entries`)
      entries.set(normal(entry.name), entry)
    }
  })

  /** Layers that several images share are links in older archives. */
  function find(name: string, links = 0): TarEntry | undefined {
    const entry = entries.get(name)
    if (entry === undefined || links > maxLinks) return undefined
    if (entry.type === 'hard link') return find(normal(entry.target), links + 1)
    if (entry.type === 'link')
      return find(normal(path.posix.join(path.posix.dirname(name), entry.target)), links + 1)
    return entry.type === 'file' ? entry : undefined
  }

  return {
    shown: file,
    place(name) {
      const entry = find(normal(name))
      return entry && { file: path.resolve(file), offset: entry.dataAt, size: entry.size }
    },
  }
}

function normal(name: string): string {
  return path.posix.normalize(`/${name}`).replace(/\/$/, '')
}
