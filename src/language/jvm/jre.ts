import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { digestOf } from '../../image/digest.ts'
import { extractTree } from '../../image/extract.ts'
import { plainTree } from '../../image/folder/plain.ts'
import { type Jdk, jdkTools, runJava } from '../../kernel/java/jdk.ts'
import { javaLibraries } from '../../kernel/java/libraries.ts'
import { placeFile } from '../../kernel/runtime-root.ts'
import { type Base, taskFolder } from '../program.ts'
import { ensureGuestJars, guestKey, interfacesJar, serverJar } from './guest-files.ts'

/** Raise it when what is made here changes without its inputs changing. */
const formatVersion = 'jvm-3'

/** Where the run-time environment is in the guest, without the leading slash. */
export const jreFolder = 'usr/lib/jvm/jre'
/** Where a `java` looks for its archive of classes when nobody names one. */
export const baseArchive = `${jreFolder}/lib/server/classes.jsa`

/**
 * The class path names jars relative to the working directory, because an archive of classes holds only for the class
 * path it was made with, word for word, and on the host a guest's files are elsewhere.
 */
export const serverOnClassPath = path.posix.relative(taskFolder, serverJar)
export const interfacesOnClassPath = path.posix.relative(taskFolder, interfacesJar)

/** A run-time environment for functions, made of a JDK: the root of a guest. */
export interface Jre {
  jdk: Jdk
  modules: readonly string[]
  /** Folder of the host with the guest's root. */
  root: string
  key: string
}

/**
 * A run-time environment with these modules, the guest's side of handlers and an archive of classes; made once for each
 * JDK and set of modules.
 */
export async function ensureJre(jdk: Jdk, modules: readonly string[], progress: Progress): Promise<Jre> {
  const key = digestOf(formatVersion, jdk.key, guestKey(), ...modules)
  const folder = homePath('jvm', 'jre', key)
  const jre: Jre = { jdk, modules, key, root: path.join(folder, 'root') }
  if (fs.existsSync(folder)) return jre
  const make = async () => {
    if (fs.existsSync(folder)) return
    progress.step(`Making a Java ${jdk.version} runtime with ${modules.length} modules`)
    await createFolderAtomic(folder, (made) => layOut(path.join(made, 'root'), jdk, modules, progress))
  }
  await withLock(homePath('jvm', `jre-${key}.lock`), make, {
    progress,
    what: `a Java ${jdk.version} runtime`,
  })
  return jre
}

async function layOut(root: string, jdk: Jdk, modules: readonly string[], progress: Progress): Promise<void> {
  const home = path.join(root, jreFolder)
  const guest = await ensureGuestJars(jdk, progress)
  fs.mkdirSync(path.dirname(home), { recursive: true })
  const wanted = ['--add-modules', modules.join(','), '--output', home]
  const smaller = ['--strip-java-debug-attributes', '--no-man-pages', '--no-header-files', '--vm', 'server']
  try {
    await runJava(jdk, ['-m', jdkTools.jlink, ...wanted, ...smaller])
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-COMMAND') throw error
    throw damaged(jdk, error)
  }
  settleLinks(home, progress)
  addLibraries(root, home, jdk, progress)
  placeFile(guest.server, path.join(root, serverJar), 0o644)
  placeFile(guest.interfaces, path.join(root, interfacesJar), 0o644)
  await archive(root, jdk)
}

/** A JDK of which jlink can make nothing lacks files, or has links in their places that lead nowhere. */
function damaged({ home, version }: Jdk, cause: UfrError): UfrError {
  const broken = linksOf(home).filter((file) => !fs.existsSync(file))
  const shown = broken
    .slice(0, 8)
    .map((file) => `${file} leads to ${fs.readlinkSync(file)}, which is not there`)
  return new UfrError(
    'UFR-RUNTIME',
    `No runtime for a guest can be made of the JDK ${version} in ${home}: jlink fails`,
    {
      fix: 'Install that JDK again with all its parts (jmods among them), or have another one fetched: unset JAVA_HOME and name its version, as in "runtime": "java21".',
      detail: [...shown, ...cause.detail],
      cause,
    },
  )
}

function linksOf(folder: string): string[] {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isSymbolicLink())
    .map((entry) => path.join(entry.parentPath, entry.name))
}

/**
 * Debian's JDK has links to settings in /etc, and some that lead nowhere: the former become the files that they lead to,
 * for a guest has no others; the latter are left out.
 */
export function settleLinks(home: string, progress: Progress): void {
  for (const file of linksOf(home)) {
    const target = path.resolve(path.dirname(file), fs.readlinkSync(file))
    // Not by a stat alone, which throws for links in a circle.
    const stat = fs.existsSync(file) ? fs.statSync(file) : undefined
    if (stat && target.startsWith(`${home}/`)) continue
    fs.rmSync(file)
    if (stat?.isFile()) fs.copyFileSync(target, file)
    else
      progress.note(
        `The link ${path.relative(home, file)} of the Java runtime leads to ${target}, and is left out.`,
      )
  }
}

function addLibraries(root: string, home: string, jdk: Jdk, progress: Progress): void {
  const { tree, leftOut } = javaLibraries(plainTree(home), `/${jreFolder}`, jdk.root)
  for (const [name, why] of leftOut) {
    progress.note(`${name} of the Java runtime is left out: ${why}.`)
    fs.rmSync(path.join(home, name))
  }
  const made = path.join(root, '.libraries')
  extractTree(tree, made)
  for (const name of fs.readdirSync(made))
    fs.cpSync(path.join(made, name), path.join(root, name), { recursive: true })
  fs.rmSync(made, { recursive: true })
}

/**
 * Makes the archive of classes that a `java` maps instead of reading and checking them: those of every start, and those
 * of the guest's side of handlers, which are known by serving one event.
 */
async function archive(root: string, jdk: Jdk): Promise<void> {
  const work = path.join(root, taskFolder)
  const list = path.join(root, 'classes.lst')
  const java = path.join(root, jreFolder, 'bin/java')
  fs.mkdirSync(work, { recursive: true })
  forgetTimes(root, [serverJar, interfacesJar, `${jreFolder}/lib/modules`])
  const paths = [serverOnClassPath, interfacesOnClassPath].join(':')
  const variables = { UFR_PORT: '0', _HANDLER: 'ufr.guest.Train', AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512' }
  const training = [`-XX:DumpLoadedClassList=${list}`, '-cp', paths, 'ufr.guest.Train']
  await runJava(jdk, training, { cwd: work, env: variables }, java)
  const usual = path.join(root, jreFolder, 'lib/classlist')
  const names = [usual, list].flatMap((file) => fs.readFileSync(file, 'utf8').split('\n'))
  fs.writeFileSync(list, [...new Set(names)].join('\n'))
  const archiving = [
    `-XX:SharedClassListFile=${list}`,
    `-XX:SharedArchiveFile=${path.join(root, baseArchive)}`,
  ]
  // Objects are archived by this collector only, and mapped or loaded by the others.
  const args = ['-XX:+UseG1GC', '-Xshare:dump', '-Xlog:cds=off', ...archiving, '-cp', serverOnClassPath]
  await runJava(jdk, args, { cwd: work, quick: false }, java)
  fs.chmodSync(path.join(root, baseArchive), 0o644)
  fs.rmSync(list)
  fs.rmSync(path.join(root, taskFolder.split('/')[0]!), { recursive: true })
}

/** Where a file's time is 0 when an archive is made, its time in the guest, which is another one, is not compared. */
export function forgetTimes(folder: string, names: Iterable<string>): void {
  for (const name of names) fs.utimesSync(path.join(folder, name), 0, 0)
}

/** A virtual machine looks whether a handled fault leaves the large registers as they were (hotspot: vm_version_x86.cpp). */
export const triedByFault = ['avx']

/** What all functions share that run on a runtime. */
export function jreBase(jre: Jre): Base {
  return {
    key: jre.key,
    title: `java ${jre.jdk.version}`,
    topLevel: fs.readdirSync(jre.root).sort(),
    tree: () => plainTree(jre.root),
  }
}
