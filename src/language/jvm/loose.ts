import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import { configName } from '../../function/config.ts'
import { digestOf } from '../../image/digest.ts'
import { folderTree } from '../../image/folder/folder.ts'
import { writeZip } from '../../image/formats/zip/writer.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { type ClassPathEntry, ensureBuild } from './builds.ts'
import { type ClassFile, readClass } from './class-file.ts'

const formatVersion = 'loose-1'
const maxClassBytes = 16 << 20

/** A class file of a folder, or undefined where it cannot be read as one. */
export function readLoose(folder: string, name: string): ClassFile | undefined {
  try {
    const file = path.join(folder, name)
    return fs.statSync(file).size > maxClassBytes ? undefined : readClass(fs.readFileSync(file))
  } catch (error) {
    if (error instanceof UfrError && error.code === 'UFR-FORMAT') return undefined
    throw error
  }
}

/**
 * The folder that packages begin in, as the path of a class file and the name in it tell: `classes` for
 * `classes/app/Main.class`. Undefined where it lies elsewhere than its name says.
 */
export function classRoot(name: string, { name: type }: ClassFile): string | undefined {
  const end = `${type.replaceAll('.', '/')}.class`
  if (name === end) return ''
  return name.endsWith(`/${end}`) ? name.slice(0, -end.length - 1) : undefined
}

/**
 * Packs the class files of a folder, and what lies beside them, into a jar: an archive of classes can be made of jars
 * only.
 * @param root where packages begin, relative to the folder.
 * @param name of the jar in /var/task.
 */
export async function packLoose(
  folder: string,
  root: string,
  name: string,
  progress: Progress,
): Promise<ClassPathEntry> {
  const files = filesBelow(folder, root)
  const sums = [...files].flatMap(([to, from]) => [to, fileSha256(from)])
  const [entry] = await ensureBuild(digestOf(formatVersion, name, ...sums), progress, name, async (made) => {
    const bytes = writeZip([...files].map(([to, from]) => [to, fs.readFileSync(from)]))
    fs.mkdirSync(path.dirname(path.join(made, name)), { recursive: true })
    fs.writeFileSync(path.join(made, name), bytes)
    return [name]
  })
  return entry!
}

/** Everything a class may ask its class path for, by its name there; jars are on it themselves. */
function filesBelow(folder: string, root: string): Map<string, string> {
  const found = new Map<string, string>()
  const prefix = root === '' ? '' : `${root}/`
  for (const [name, { kind }] of folderTree(folder, []).sorted()) {
    if (kind !== 'file' || !name.startsWith(prefix) || /\.jar$/.test(name) || name === configName) continue
    found.set(name.slice(prefix.length), path.join(folder, name))
  }
  return found
}
