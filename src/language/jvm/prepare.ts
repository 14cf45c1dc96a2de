import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { fileContent } from '../../image/content.ts'
import { digestOf } from '../../image/digest.ts'
import { folderTree } from '../../image/folder/folder.ts'
import type { Origin } from '../../image/origin.ts'
import { Tree } from '../../image/tree.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { chooseJdk } from '../../kernel/java/choose.ts'
import type { Jdk } from '../../kernel/java/jdk.ts'
import { javaMajor } from '../../kernel/java/version.ts'
import { type Program, taskFolder } from '../program.ts'
import { archivesSaid, ensureArchive } from './archive.ts'
import { buildProject } from './build-tool.ts'
import type { ClassPathEntry } from './builds.ts'
import {
  type ClassPath,
  checkHandlerClass,
  checkVersions,
  neededJava,
  openClassPath,
  parseHandler,
} from './class-path.ts'
import { compileSources } from './compile.ts'
import { environmentOf } from './environment.ts'
import { folderJars } from './folder-jars.ts'
import { gradle } from './gradle.ts'
import { serverClass } from './guest-files.ts'
import { openJar } from './jar.ts'
import {
  ensureJre,
  interfacesOnClassPath,
  type Jre,
  jreBase,
  jreFolder,
  serverOnClassPath,
  triedByFault,
} from './jre.ts'
import { maven } from './maven.ts'
import { modulesOf, withAdded } from './modules.ts'
import { javaOptions } from './options.ts'
import { findProject, isOutput, isSource, type Project } from './project.ts'
import { unpackSpringBoot } from './spring-boot.ts'
import { type Entry, mainEntry, startOf } from './start.ts'

/** Named by every `java` for x86-64 Linux with glibc. */
const linker = '/lib64/ld-linux-x86-64.so.2'
/** Where a function's archive of classes is, in /var/task. */
const archiveName = '.ufr/function.jsa'

/** @throws UfrError for all that can be wrong with a function for the JVM. */
export async function prepareJvm(spec: FunctionSpec, progress: Progress): Promise<Program> {
  const project = projectOf(spec)
  const wanted = javaMajor(spec.runtime)
  const isHandler = spec.shape === 'handler'
  // Before anything is fetched or compiled: what is wrong with ufr.json is said at once.
  const handler = isHandler ? parseHandler(spec.handler ?? '', spec.name) : undefined
  const start = isHandler ? undefined : startOf(spec, (file) => readText(spec, file))
  environmentOf(spec, spec.handler, wanted ?? 0)
  const there = project.kind === 'jar' ? await folderJars(spec, project, start, progress) : undefined
  const jdk = await chooseJdk(wanted, there ? neededBy(there) : 0, progress)
  const packed = there ?? (await built(spec, project, jdk, progress))
  const { entries, main } = await unpackSpringBoot(packed, progress)
  const classPath = openClassPath(entries.map(({ file }) => file))
  const entry = handler
    ? handlerEntry(classPath, handler, spec)
    : mainEntry(classPath, main === undefined ? start! : { main, ...start! }, spec)
  checkVersions(classPath, jdk.major, [entry.start])
  const digest = digestOf(...entries.flatMap(({ name, file }) => [name, fileSha256(file)]))
  const modules = withAdded(await modulesOf(classPath, digest, jdk, progress), entry.options)
  const jre = await ensureJre(jdk, modules, progress)
  const words = [serverOnClassPath, ...entries.map(({ name }) => name), interfacesOnClassPath].join(':')
  const inputs = { jre, entries, classPath, digest, words, start: entry.start, handler: isHandler }
  const archive = archivesSaid() === 'both' ? await ensureArchive(inputs, progress) : undefined
  progress.done()
  const unpacked = entries === packed ? [] : packed.slice(0, 1).map(({ name }) => name)
  return programOf(spec, { project, unpacked, entries, entry, jre, words, archive })
}

interface Parts {
  project: Project
  /** Jars in place of which their parts are there. */
  unpacked: string[]
  entries: ClassPathEntry[]
  entry: Entry
  jre: Jre
  words: string
  archive: string | undefined
}

function programOf(
  spec: FunctionSpec,
  { project, unpacked, entries, entry, jre, words, archive }: Parts,
): Program {
  const { major } = jre.jdk
  const isHandler = spec.shape === 'handler'
  const task = taskTree(spec, project, unpacked)
  for (const { name, file } of entries) {
    const inFolder = file.startsWith(spec.folder + path.sep)
    addFile(task, name, file, inFolder ? { reason: 'folder' } : { reason: 'program' })
  }
  const ofArchive = { reason: 'ufr', from: 'the archive of its classes' } as const
  if (archive !== undefined) addFile(task, archiveName, archive, ofArchive)
  const inGuest = archive === undefined ? undefined : `/${taskFolder}/${archiveName}`
  const archives = { runtime: archivesSaid() !== 'none', own: inGuest }
  const ours = javaOptions({ spec, major, archives, handler: isHandler, own: entry.options })
  return {
    base: jreBase(jre),
    task,
    executable: `/${jreFolder}/bin/java`,
    interpreter: linker,
    argv: ['java', ...ours, ...entry.options, '-cp', words, entry.main, ...entry.args],
    triedByFault,
    environment: environmentOf(spec, isHandler ? spec.handler : undefined, major),
    workingDirectory: `/${taskFolder}`,
    tellsReady: isHandler,
  }
}

function addFile(task: Tree, name: string, file: string, origin: Origin): void {
  task.set(name, { kind: 'file', mode: 0o644, content: fileContent(file, fs.statSync(file).size), origin })
}

/** A jar that `command` names is taken as it is, also beside sources. */
function projectOf(spec: FunctionSpec): Project {
  const { command, folder, args } = spec
  const found = findProject(folder)
  const jar = [command ?? '', ...args].find((word) => word.endsWith('.jar'))
  if (jar !== undefined) {
    const inside = path.relative(folder, path.resolve(folder, jar))
    return {
      kind: 'jar',
      sources: [],
      jars: [inside, ...(found?.jars ?? []).filter((each) => each !== inside)],
      classes: [],
    }
  }
  if (found) return found
  throw new UfrError(
    'UFR-PROGRAM',
    `${folder} has nothing for Java in it: neither a project, nor sources, nor a jar`,
    {
      fix: 'Name the folder that has pom.xml, build.gradle, .java, .kt or .class files, or a jar.',
    },
  )
}

function readText({ folder, name }: FunctionSpec, file: string): string {
  try {
    return fs.readFileSync(path.join(folder, file), 'utf8')
  } catch (error) {
    throw new UfrError('UFR-PROGRAM', `${name} is to run ${file}, which is not in ${folder}`, {
      cause: error,
    })
  }
}

function neededBy(entries: readonly ClassPathEntry[]): number {
  return Math.max(0, ...entries.slice(0, 1).map(({ file }) => neededJava(openJar(file))))
}

function built(
  spec: FunctionSpec,
  project: Project,
  jdk: Jdk,
  progress: Progress,
): Promise<ClassPathEntry[]> {
  if (project.kind === 'maven') return buildProject(spec, maven, jdk, progress)
  if (project.kind === 'gradle') return buildProject(spec, gradle, jdk, progress)
  return compileSources(spec, project, jdk, progress)
}

function handlerEntry(
  classPath: ClassPath,
  handler: { type: string; method?: string },
  spec: FunctionSpec,
): Entry {
  checkHandlerClass(classPath, handler, spec.name)
  return { main: serverClass, start: handler.type, options: [], args: [] }
}

/**
 * The function's files: what `files` names; else, of a folder with sources or jars, all but what was compiled, so that
 * programs find their data. A project of a build tool has its data in its jar.
 */
function taskTree(spec: FunctionSpec, project: Project, unpacked: readonly string[]): Tree {
  if (spec.files.length > 0) return folderTree(spec.folder, spec.files)
  if (project.kind === 'maven' || project.kind === 'gradle') return new Tree()
  const tree = new Tree()
  for (const [name, entry] of folderTree(spec.folder, []).sorted()) {
    const folders = name.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'))
    const inOutput = (entry.kind === 'directory' ? folders : folders.slice(0, -1)).some(isOutput)
    const kept = project.kind === 'jar' ? !name.endsWith('.class') : !(inOutput || isSource(name))
    if (kept && entry.kind !== 'directory' && !unpacked.includes(name)) tree.set(name, entry)
  }
  return tree
}
