import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { readZip, type ZipEntry, zipBytes } from '../../image/formats/zip/reader.ts'
import { withSource } from '../../image/source.ts'
import { type ClassFile, readClass } from './class-file.ts'
import { type JarManifest, parseManifest } from './manifest.ts'

/** A jar of the host, with what it holds. */
export interface Jar {
  file: string
  entries: Map<string, ZipEntry>
  manifest: JarManifest
}

const maxManifestBytes = 1 << 20
const maxClassBytes = 16 << 20
const manifestName = 'META-INF/MANIFEST.MF'

/** @throws UfrError UFR-FORMAT naming the file where it is no jar. */
export function openJar(file: string): Jar {
  return named(file, () =>
    withSource(file, (source) => {
      const entries = readZip(source)
      const manifest = entries.get(manifestName)
      const text = manifest ? zipBytes(source, manifest, maxManifestBytes).toString() : ''
      return { file, entries, manifest: parseManifest(text) }
    }),
  )
}

/** Reads classes of a jar, as they are asked for, with the file opened once. */
export function readingClasses<T>(
  { file, entries }: Jar,
  use: (read: (name: string) => ClassFile | undefined) => T,
): T {
  return named(file, () =>
    withSource(file, (source) =>
      use((name) => {
        const entry = entries.get(`${name.replaceAll('.', '/')}.class`)
        return entry && readClass(zipBytes(source, entry, maxClassBytes))
      }),
    ),
  )
}

/** Names of the classes of a jar, but for those of other versions of Java, module descriptors, and inner ones. */
export function classNames({ entries }: Jar): string[] {
  return [...entries.keys()].flatMap((name) =>
    name.endsWith('.class') &&
    !name.startsWith('META-INF/') &&
    !/(^|\/)(module|package)-info\.class$/.test(name)
      ? [name.slice(0, -'.class'.length).replaceAll('/', '.')]
      : [],
  )
}

function named<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT' || error.message.startsWith(file))
      throw error
    throw new UfrError('UFR-FORMAT', `${file}: ${error.message}`, {
      fix: 'Build it again: it is no whole jar.',
      cause: error,
    })
  }
}

/** The jars that a jar's manifest asks for, as paths in its folder's root; those that are not there are left out. */
export function jarsNamedBy(jar: Jar, folder: string): string[] {
  const base = path.dirname(jar.file)
  return jar.manifest.classPath.flatMap((address) => {
    if (/^[a-z]+:/i.test(address)) return []
    const file = path.resolve(base, decodeURIComponentSafely(address))
    const inside = file.startsWith(folder + path.sep)
    return inside && file.endsWith('.jar') && fs.existsSync(file) ? [file] : []
  })
}

function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
