import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import type { ClassPathEntry } from './builds.ts'
import { jarsNamedBy, openJar } from './jar.ts'
import { classRoot, packLoose, readLoose } from './loose.ts'
import type { Project } from './project.ts'
import type { Start } from './start.ts'

/** Where class files that lie loose are in the guest, in /var/task. */
const looseJar = (i: number) => `.ufr/classes${i === 0 ? '' : `-${i + 1}`}.jar`

/**
 * What a folder with compiled classes has on its class path: a jar that is named with those that its manifest names, as
 * `java -jar` has it; what -cp says; else loose classes and then all jars, those at the top first, as AWS Lambda has it.
 * @throws UfrError UFR-PROGRAM where something that is named is not there.
 */
export async function folderJars(
  spec: FunctionSpec,
  project: Project,
  start: Start | undefined,
  progress: Progress,
): Promise<ClassPathEntry[]> {
  if (start?.jar !== undefined) return namedJar(spec, project, start.jar)
  const words = start?.classPath ?? []
  if (words.length > 0) return classPathEntries(spec, words, progress)
  const roots = looseRoots(spec.folder, project.classes)
  const loose = await packAll(spec.folder, roots, progress)
  return [...loose, ...project.jars.map((name) => entryOf(spec.folder, name))]
}

function entryOf(folder: string, name: string): ClassPathEntry {
  return { name, file: path.join(folder, name) }
}

/** The folders that packages begin in; most folders have one. */
export function looseRoots(folder: string, classes: readonly string[]): string[] {
  const roots = new Set<string>()
  for (const name of classes) {
    if ([...roots].some((root) => root === '' || name.startsWith(`${root}/`))) continue
    const found = readLoose(folder, name)
    const root = found && classRoot(name, found)
    if (root !== undefined) roots.add(root)
  }
  return [...roots]
}

async function packAll(
  folder: string,
  roots: readonly string[],
  progress: Progress,
): Promise<ClassPathEntry[]> {
  const found: ClassPathEntry[] = []
  for (const [i, root] of roots.entries()) found.push(await packLoose(folder, root, looseJar(i), progress))
  return found
}

function namedJar({ folder, name }: FunctionSpec, project: Project, jar: string): ClassPathEntry[] {
  const file = path.resolve(folder, jar)
  if (!file.startsWith(folder + path.sep) || !fs.existsSync(file)) {
    const others = project.jars.filter((each) => each !== jar)
    throw new UfrError('UFR-PROGRAM', `${name} is to run ${jar}, and there is no such file in ${folder}`, {
      fix: 'Build it, or correct `command` in ufr.json.',
      ...(others.length > 0 && { detail: [`there are: ${others.slice(0, 8).join(', ')}`] }),
    })
  }
  const found = new Set([file])
  for (const each of found) for (const next of jarsNamedBy(openJar(each), folder)) found.add(next)
  return [...found].map((each) => entryOf(folder, path.relative(folder, each)))
}

/** What `-cp` names: jars, folders with classes, and `lib/*` for all jars of a folder. */
async function classPathEntries(
  spec: FunctionSpec,
  words: readonly string[],
  progress: Progress,
): Promise<ClassPathEntry[]> {
  const { folder } = spec
  const found: ClassPathEntry[] = []
  let folders = 0
  for (const word of words) {
    const all = path.basename(word) === '*'
    const name = path.normalize(all ? path.dirname(word) : word === '' ? '.' : word).replace(/\/$/, '')
    const stat = fs.statSync(path.join(folder, name), { throwIfNoEntry: false })
    if (!stat || path.isAbsolute(name) || name.startsWith('..')) throw notThere(spec, word)
    if (stat.isFile()) found.push(entryOf(folder, name))
    else if (all) found.push(...jarsOf(folder, name))
    else {
      const root = name === '.' ? '' : name
      found.push(await packLoose(folder, root, looseJar(folders++), progress))
    }
  }
  return found
}

function jarsOf(folder: string, name: string): ClassPathEntry[] {
  const names = fs.readdirSync(path.join(folder, name)).filter((each) => /\.jar$/i.test(each))
  return names.sort().map((each) => entryOf(folder, path.join(name, each)))
}

function notThere({ folder, name }: FunctionSpec, word: string): UfrError {
  return new UfrError('UFR-PROGRAM', `The class path of ${name} names ${word}, which is not in ${folder}`, {
    fix: 'Correct -cp in ufr.json: its paths are those of the folder, or put the file there.',
  })
}
