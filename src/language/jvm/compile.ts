import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { digestOf } from '../../image/digest.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { type Jdk, jdkTools, runJava } from '../../kernel/java/jdk.ts'
import { ensureKotlin, type Kotlin } from '../../kernel/java/kotlin.ts'
import { type ClassPathEntry, ensureBuild } from './builds.ts'
import { ensureGuestJars, guestKey, jarOf } from './guest-files.ts'
import type { Project } from './project.ts'

/** Raise it when what is built here changes without its inputs changing. */
const formatVersion = 'sources-2'
/** What is compiled of a function's sources, and Kotlin's library: paths in /var/task. */
const functionJar = 'function.jar'
const stdlibJar = 'lib/kotlin-stdlib.jar'
/** Files of these folders are on the class path, as build tools have it. */
const resourceFolders = ['src/main/resources', 'resources']
const mostErrors = 40
/** Of javac and kotlinc: done, errors in sources, wrong inputs, and failures of their own. */
const compilerStatuses = [0, 1, 2, 3, 4]
/** The newest class files that the Kotlin compiler writes. */
const newestKotlinTarget = 25

/**
 * Compiles Java and Kotlin files that are in a folder without a build of their own; jars in the folder are on their
 * class path, then and in the guest.
 * @throws UfrError UFR-BUILD with the compiler's words.
 */
export async function compileSources(
  spec: FunctionSpec,
  project: Project,
  jdk: Jdk,
  progress: Progress,
): Promise<ClassPathEntry[]> {
  const { folder } = spec
  const jars = project.jars.map((name) => ({ name, file: path.join(folder, name) }))
  const hasKotlin = project.sources.some((name) => name.endsWith('.kt'))
  const kotlin = hasKotlin ? await ensureKotlin(progress) : undefined
  const resources = resourcesOf(folder)
  const inputs = [...project.sources, ...project.jars, ...resources.map(({ from }) => from)]
  const sums = inputs.flatMap((name) => [name, fileSha256(path.join(folder, name))])
  const key = digestOf(formatVersion, jdk.key, guestKey(), kotlin?.key ?? '', ...sums)
  const made = await ensureBuild(key, progress, `the classes of ${spec.name}`, async (target) => {
    const guest = await ensureGuestJars(jdk, progress)
    const classPath = [...jars.map(({ file }) => file), ...(kotlin ? [kotlin.stdlib] : []), guest.interfaces]
    progress.step(
      `Compiling ${spec.name} with ${kotlin ? `Kotlin ${kotlin.version}` : `Java ${jdk.version}`}`,
    )
    await withTemporaryFolder(homePath('jvm'), async (classes) => {
      if (kotlin) await compileKotlin(spec, project.sources, classPath, classes, jdk, kotlin)
      await compileJava(spec, project.sources, [classes, ...classPath], classes, jdk)
      for (const { from, to } of resources) {
        fs.mkdirSync(path.dirname(path.join(classes, to)), { recursive: true })
        fs.copyFileSync(path.join(folder, from), path.join(classes, to))
      }
      fs.writeFileSync(path.join(target, functionJar), jarOf(classes))
    })
    if (!kotlin) return [functionJar]
    fs.mkdirSync(path.dirname(path.join(target, stdlibJar)))
    fs.copyFileSync(kotlin.stdlib, path.join(target, stdlibJar))
    return [functionJar, stdlibJar]
  })
  const [own, ...libraries] = made
  return [own!, ...jars, ...libraries]
}

/**
 * Strings put together, and lambdas, without code that is made at run time: the first one would load 200 classes, a
 * tenth of a start.
 */
const quickStart = ['-Xstring-concat=inline', '-Xlambdas=class', '-Xsam-conversions=class']

async function compileKotlin(
  spec: FunctionSpec,
  sources: readonly string[],
  classPath: readonly string[],
  target: string,
  jdk: Jdk,
  kotlin: Kotlin,
): Promise<void> {
  const compiler = ['-cp', kotlin.compiler.join(':'), 'org.jetbrains.kotlin.cli.jvm.K2JVMCompiler']
  const release = String(Math.min(jdk.major, newestKotlinTarget))
  const options = [
    '-no-stdlib',
    '-no-reflect',
    '-java-parameters',
    '-nowarn',
    '-jvm-target',
    release,
    ...quickStart,
  ]
  const java = [
    '-Xss4m',
    ...(jdk.major >= 24
      ? ['--sun-misc-unsafe-memory-access=allow', '--enable-native-access=ALL-UNNAMED']
      : []),
  ]
  const home = ['-jdk-home', jdk.home]
  const args = [
    ...java,
    ...compiler,
    ...options,
    ...home,
    '-cp',
    classPath.join(':'),
    '-d',
    target,
    ...sources,
  ]
  await compiled(spec, 'Kotlin', runJava(jdk, args, { cwd: spec.folder, accept: compilerStatuses }))
}

async function compileJava(
  spec: FunctionSpec,
  all: readonly string[],
  classPath: readonly string[],
  target: string,
  jdk: Jdk,
): Promise<void> {
  const sources = all.filter((name) => name.endsWith('.java'))
  if (sources.length === 0) return
  const options = ['-encoding', 'UTF-8', '-g', '-parameters', '-nowarn']
  const args = ['-m', jdkTools.javac, ...options, '-cp', classPath.join(':'), '-d', target, ...sources]
  await compiled(spec, 'Java', runJava(jdk, args, { cwd: spec.folder, accept: compilerStatuses }))
}

async function compiled(
  spec: FunctionSpec,
  language: string,
  running: Promise<{ status: number; stdout: string; stderr: string }>,
): Promise<void> {
  const { status, stdout, stderr } = await running
  if (status === 0) return
  throw compileError(spec, `The ${language} sources of ${spec.name} do not compile`, `${stderr}\n${stdout}`)
}

/** The compiler's own words, with paths as they are in the folder. */
export function compileError({ folder }: FunctionSpec, message: string, output: string): UfrError {
  const lines = output.split('\n').map((line) => line.trimEnd().replaceAll(`${folder}/`, ''))
  const said = lines.filter((line) => line !== '' && !line.startsWith('warning:'))
  const first = said.find((line) => /^\S+\.(?:java|kt):\d+/.test(line)) ?? said[0]
  return new UfrError('UFR-BUILD', first === undefined ? message : `${message}: ${first}`, {
    detail: said.slice(0, mostErrors),
  })
}

function resourcesOf(folder: string): { from: string; to: string }[] {
  return resourceFolders.flatMap((name) => {
    const base = path.join(folder, name)
    if (!fs.existsSync(base)) return []
    const entries = fs.readdirSync(base, { recursive: true, withFileTypes: true })
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
    return files.sort().map((file) => ({ from: path.relative(folder, file), to: path.relative(base, file) }))
  })
}
