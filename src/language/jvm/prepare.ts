import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { fileContent } from '../../image/content.ts'
import { digestOf } from '../../image/digest.ts'
import { folderTree } from '../../image/folder/folder.ts'
import { Tree } from '../../image/tree.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { chooseJdk } from '../../kernel/java/choose.ts'
import type { Jdk } from '../../kernel/java/jdk.ts'
import { javaMajor } from '../../kernel/java/version.ts'
import { type Program, taskFolder } from '../program.ts'
import { ensureArchive } from './archive.ts'
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
import { gradle } from './gradle.ts'
import { serverClass } from './guest-files.ts'
import { jarsNamedBy, openJar } from './jar.ts'
import { ensureJre, interfacesOnClassPath, type Jre, jreBase, jreFolder, serverOnClassPath } from './jre.ts'
import { maven } from './maven.ts'
import { modulesOf } from './modules.ts'
import { javaOptions } from './options.ts'
import { findProject, isOutput, isSource, type Project } from './project.ts'
import { checkMain, type Start, startOf } from './start.ts'

/** Named by every `java` for x86-64 Linux with glibc. */
const linker = '/lib64/ld-linux-x86-64.so.2'
/** Where a function's archive of classes is, in /var/task. */
const archiveName = '.ufr/function.jsa'

/** What runs: a handler's class behind our server, or a class with a `main`. */
interface Entry {
  /** The class that `java` starts. */
  main: string
  /** The function's own class. */
  start: string
  options: string[]
  args: string[]
}

/** @throws UfrError for all that can be wrong with a function for the JVM. */
export async function prepareJvm(spec: FunctionSpec, progress: Progress): Promise<Program> {
  const project = projectOf(spec)
  const wanted = javaMajor(spec.runtime)
  const isHandler = spec.shape === 'handler'
  // Before anything is fetched or compiled: what is wrong with ufr.json is said at once.
  const handler = isHandler ? parseHandler(spec.handler ?? '', spec.name) : undefined
  const start = isHandler ? undefined : startOf(spec, (file) => readText(spec, file))
  environmentOf(spec, spec.handler, wanted ?? 0)
  const there = project.kind === 'jar' ? folderJars(spec, project, start) : undefined
  const jdk = await chooseJdk(wanted, there ? neededBy(there) : 0, progress)
  const entries = there ?? (await built(spec, project, jdk, progress))
  const classPath = openClassPath(entries.map(({ file }) => file))
  const entry = handler ? handlerEntry(classPath, handler, spec) : mainEntry(classPath, start!, spec)
  checkVersions(classPath, jdk.major, [entry.start])
  const digest = digestOf(...entries.flatMap(({ name, file }) => [name, fileSha256(file)]))
  const modules = await modulesOf(classPath, digest, jdk, progress)
  const jre = await ensureJre(jdk, modules, progress)
  const words = [serverOnClassPath, ...entries.map(({ name }) => name), interfacesOnClassPath].join(':')
  const inputs = { jre, entries, classPath, digest, words, start: entry.start, handler: isHandler }
  const archive =
    process.env['UFR_JAVA_ARCHIVE'] === 'off' ? undefined : await ensureArchive(inputs, progress)
  progress.done()
  return programOf(spec, { project, entries, entry, jre, words, archive })
}

interface Parts {
  project: Project
  entries: ClassPathEntry[]
  entry: Entry
  jre: Jre
  words: string
  archive: string | undefined
}

function programOf(spec: FunctionSpec, { project, entries, entry, jre, words, archive }: Parts): Program {
  const { major } = jre.jdk
  const isHandler = spec.shape === 'handler'
  const task = taskTree(spec, project)
  for (const { name, file } of entries) addFile(task, name, file)
  if (archive !== undefined) addFile(task, archiveName, archive)
  const inGuest = archive === undefined ? undefined : `/${taskFolder}/${archiveName}`
  const ours = javaOptions({ spec, major, archive: inGuest, handler: isHandler, own: entry.options })
  return {
    base: jreBase(jre),
    task,
    executable: `/${jreFolder}/bin/java`,
    interpreter: linker,
    argv: ['java', ...ours, ...entry.options, '-cp', words, entry.main, ...entry.args],
    environment: environmentOf(spec, isHandler ? spec.handler : undefined, major),
    workingDirectory: `/${taskFolder}`,
    tellsReady: isHandler,
  }
}

function addFile(task: Tree, name: string, file: string): void {
  task.file(name, fileContent(file, fs.statSync(file).size))
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
    }
  }
  if (found) return found
  throw new UfrError(
    'UFR-PROGRAM',
    `${folder} has nothing for Java in it: neither a project, nor sources, nor a jar`,
    {
      fix: 'Name the folder that has pom.xml, build.gradle, .java or .kt files, or a jar.',
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

/**
 * The jars of a folder: the one that is named with those that its manifest names, as `java -jar` has it; all of them
 * for a class by its name, those at the top first.
 */
function folderJars(spec: FunctionSpec, project: Project, start: Start | undefined): ClassPathEntry[] {
  const { folder } = spec
  const entry = (file: string) => ({ name: path.relative(folder, file), file })
  if (start?.jar === undefined) {
    const named = (start?.classPath ?? []).filter((name) => name.endsWith('.jar'))
    return (named.length > 0 ? named : project.jars).map((name) => entry(path.join(folder, name)))
  }
  const file = path.resolve(folder, start.jar)
  if (!file.startsWith(folder + path.sep) || !fs.existsSync(file)) {
    const others = project.jars.filter((name) => name !== start.jar)
    throw new UfrError(
      'UFR-PROGRAM',
      `${spec.name} is to run ${start.jar}, and there is no such file in ${folder}`,
      {
        fix: 'Build it, or correct `command` in ufr.json.',
        ...(others.length > 0 && { detail: [`there are: ${others.slice(0, 8).join(', ')}`] }),
      },
    )
  }
  const found = new Set([file])
  for (const each of found) for (const next of jarsNamedBy(openJar(each), folder)) found.add(next)
  return [...found].map(entry)
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

function mainEntry(classPath: ClassPath, start: Start, spec: FunctionSpec): Entry {
  const { manifest } = classPath.jars[0] ?? {}
  const main = start.main ?? manifest?.mainClass
  if (main === undefined) {
    throw new UfrError('UFR-PROGRAM', `${start.jar} has no main class: its manifest has no Main-Class`, {
      fix: 'Let the build write Main-Class into its manifest, or name the class: "command": "app.Main" in ufr.json.',
    })
  }
  checkMain(classPath, main, spec.name)
  // What `java -jar` takes from the manifest, and `java` with a class does not.
  const opened = (manifest?.addOpens ?? []).flatMap((each) => ['--add-opens', `${each}=ALL-UNNAMED`])
  const exported = (manifest?.addExports ?? []).flatMap((each) => ['--add-exports', `${each}=ALL-UNNAMED`])
  const own = start.jar === undefined ? [] : [...opened, ...exported]
  return { main, start: main, options: [...start.options, ...own], args: start.args }
}

/**
 * The function's files: what `files` names; else, of a folder with sources or jars, all but what was compiled, so that
 * programs find their data. A project of a build tool has its data in its jar.
 */
function taskTree(spec: FunctionSpec, project: Project): Tree {
  if (spec.files.length > 0) return folderTree(spec.folder, spec.files)
  if (project.kind === 'maven' || project.kind === 'gradle') return new Tree()
  const tree = new Tree()
  for (const [name, entry] of folderTree(spec.folder, []).sorted()) {
    const folders = name.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'))
    const inOutput = (entry.kind === 'directory' ? folders : folders.slice(0, -1)).some(isOutput)
    const kept = project.kind === 'jar' || !(inOutput || isSource(name))
    if (kept && entry.kind !== 'directory') tree.set(name, entry)
  }
  return tree
}
