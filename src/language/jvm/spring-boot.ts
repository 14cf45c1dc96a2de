import fs from 'node:fs'
import path from 'node:path'
import type { Progress } from '../../base/progress.ts'
import { digestOf } from '../../image/digest.ts'
import { zipBytes } from '../../image/formats/zip/reader.ts'
import { writeZip } from '../../image/formats/zip/writer.ts'
import { withSource } from '../../image/source.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { type ClassPathEntry, ensureBuild } from './builds.ts'
import { type Jar, openJar } from './jar.ts'

const formatVersion = 'boot-1'
/** Where the parts are in the guest, in /var/task. */
const place = '.ufr/boot'
const classes = 'BOOT-INF/classes/'
const libraries = 'BOOT-INF/lib/'
const index = 'BOOT-INF/classpath.idx'
const maxFileBytes = 256 << 20
const maxIndexBytes = 1 << 20

/** A class path, and the class that is to be started where its first jar said so. */
export interface Unpacked {
  entries: ClassPathEntry[]
  main?: string
}

/**
 * Takes apart a jar of Spring Boot's with jars in it, as `java -Djarmode=tools -jar app.jar extract` does: its launcher
 * would unpack and read them at every start, and no archive of classes can be made of jars in a jar. All others stay.
 * @throws UfrError UFR-FORMAT where it is damaged.
 */
export async function unpackSpringBoot(entries: ClassPathEntry[], progress: Progress): Promise<Unpacked> {
  const [first, ...others] = entries
  const jar = first && openJar(first.file)
  const { mainClass, startClass } = jar?.manifest ?? {}
  // With a launcher of another kind, what is on the class path is said elsewhere.
  if (!jar || startClass === undefined || !mainClass?.endsWith('.JarLauncher')) return { entries }
  const key = digestOf(formatVersion, fileSha256(first.file))
  const unpacked = await ensureBuild(key, progress, first.name, async (made) => {
    progress.step(`Taking ${first.name} apart`)
    return unpack(jar, made)
  })
  return { entries: [...unpacked, ...others], main: startClass }
}

/** @returns names in the folder, in the order of the class path. */
function unpack({ file, entries }: Jar, made: string): string[] {
  return withSource(file, (source) => {
    const bytes = (name: string, most = maxFileBytes) => zipBytes(source, entries.get(name)!, most)
    const own: [string, Uint8Array][] = []
    for (const name of [...entries.keys()].sort()) {
      if (name.startsWith(classes)) own.push([name.slice(classes.length), bytes(name)])
      else if (name.startsWith('META-INF/')) own.push([name, bytes(name)])
    }
    const listed = entries.has(index) ? namesOf(bytes(index, maxIndexBytes).toString()) : []
    const jars = [...entries.keys()].filter((name) => name.startsWith(libraries) && name.endsWith('.jar'))
    const inOrder = [...new Set([...listed.filter((name) => jars.includes(name)), ...jars])]
    fs.mkdirSync(path.join(made, place, 'lib'), { recursive: true })
    fs.writeFileSync(path.join(made, place, 'app.jar'), writeZip(own))
    const names = inOrder.map((name) => {
      const target = `${place}/lib/${path.posix.basename(name)}`
      fs.writeFileSync(path.join(made, target), bytes(name))
      return target
    })
    return [`${place}/app.jar`, ...names]
  })
}

/** The index of Spring Boot's, a list in YAML: `- "BOOT-INF/lib/a.jar"`. */
function namesOf(text: string): string[] {
  return [...text.matchAll(/^- "(.*)"$/gm)].map(([, name]) => name!)
}
