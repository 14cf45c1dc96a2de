import path from 'node:path'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { resolveFile, treeView } from '../../image/closure/file-view.ts'
import { digestOf } from '../../image/digest.ts'
import { Tree } from '../../image/tree.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { chooseJdk } from '../../kernel/java/choose.ts'
import { javaMajor } from '../../kernel/java/version.ts'
import { type Program, taskFolder } from '../program.ts'
import { taskTree } from '../root-files.ts'
import { archivesSaid } from './archive.ts'
import { checkVersions, neededJava, openClassPath } from './class-path.ts'
import { environmentOf } from './environment.ts'
import { openJar } from './jar.ts'
import { ensureJre, jreBase, jreFolder, serverOnClassPath, triedByFault } from './jre.ts'
import { modulesOf, usualModules, withAdded } from './modules.ts'
import { javaOptions } from './options.ts'
import { type Entry, mainEntry, type Start, startOf } from './start.ts'

const linker = '/lib64/ld-linux-x86-64.so.2'
/** From folders no deeper than this, the path of our jar on the class path leads to it: `..` of the root is the root. */
const deepest = serverOnClassPath.split('..').length - 1

/**
 * `java` with the words that somebody wrote for it, on files that have places of their own in the guest. The runtime has
 * the modules that their jars need.
 * @throws UfrError UFR-PROGRAM for a jar without main class, and UFR-JAVA-VERSION.
 */
export async function interpretJvm(spec: FunctionSpec, progress: Progress): Promise<Program> {
  const wanted = javaMajor(spec.runtime)
  const workingDirectory = spec.workingDirectory ?? `/${taskFolder}`
  const task = taskTree(spec)
  const start = startOf({ ...spec, command: 'java' }, () => '')
  const files = jarsOf(start, filesOf(spec, task), workingDirectory)
  const needed = files ? neededJava(openJar(files[0]!)) : 0
  const jdk = await chooseJdk(wanted, needed, progress)
  const classPath = files && openClassPath(files)
  const entry = classPath && mainEntry(classPath, start, spec)
  if (classPath) checkVersions(classPath, jdk.major, [entry!.start])
  const digest = digestOf('interpret', ...(files ?? []).map(fileSha256))
  const modules = classPath ? await modulesOf(classPath, digest, jdk, progress) : usualModules
  const jre = await ensureJre(jdk, withAdded(modules, start.options), progress)
  const ours = javaOptions({
    ...{ spec, major: jdk.major, handler: false, own: start.options },
    archives: { runtime: archivesSaid() !== 'none' },
  })
  progress.done()
  return {
    base: jreBase(jre),
    task,
    executable: `/${jreFolder}/bin/java`,
    interpreter: linker,
    argv: ['java', ...ours, ...wordsOf(spec, entry, start, workingDirectory)],
    triedByFault,
    environment: environmentOf(spec, undefined, jdk.major),
    workingDirectory,
    tellsReady: false,
  }
}

/** The files of the guest that are not the runtime's. */
function filesOf({ root }: FunctionSpec, task: Tree): Tree {
  const all = new Tree()
  if (root) all.merge(root.tree())
  return all.merge(task, taskFolder)
}

/**
 * Files of the host with the jars that the class path names; undefined where not all of it is jars of the host's, and
 * nothing can be said about the classes.
 */
function jarsOf(start: Start, all: Tree, cwd: string): string[] | undefined {
  const view = treeView(all)
  const words = start.jar === undefined ? start.classPath : [start.jar]
  const names = words.flatMap((word) =>
    path.posix.basename(word) === '*'
      ? jarsIn(all, path.posix.resolve(cwd, path.posix.dirname(word)))
      : [word],
  )
  const files = names.map((name) => {
    const found = resolveFile(view, path.posix.resolve(cwd, name))
    const entry = found && all.get(found.path.slice(1))
    return entry?.kind === 'file' ? entry.content.file : undefined
  })
  const known = files.filter((file) => file !== undefined)
  return known.length > 0 && known.length === files.length ? known : undefined
}

/** What `java` makes of `lib/*`. */
function jarsIn(all: Tree, folder: string): string[] {
  const prefix = folder === '/' ? '' : `${folder.slice(1)}/`
  return all.sorted().flatMap(([name]) => {
    const rest = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    return /^[^/]+\.(?:jar|JAR)$/.test(rest) ? [`/${name}`] : []
  })
}

/**
 * What follows `java`: as it was written, but that our jar comes first on the class path, where that is a way to reach
 * it. Without it the runtime's archive of classes, which was made so, would not be taken.
 */
function wordsOf(spec: FunctionSpec, entry: Entry | undefined, start: Start, cwd: string): string[] {
  const main = entry?.main ?? start.main
  const classPath = start.jar === undefined ? start.classPath : [start.jar]
  const depth = cwd.split('/').filter((part) => part !== '').length
  if (main === undefined || classPath.length === 0 || depth > deepest) return spec.args
  const options = entry?.options ?? start.options
  return [...options, '-cp', [serverOnClassPath, ...classPath].join(':'), main, ...start.args]
}
