import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { temporaryName } from '../../base/atomic.ts'
import { homePath } from '../../base/paths.ts'
import { type CommandResult, findCommand, type Runner, runCommand } from '../../base/process.ts'
import { digestOf } from '../../image/digest.ts'
import type { Runtime } from '../runtimes.ts'

/** A Java development kit: what compiles functions, and what their runtimes in the guest are made of. */
export interface Jdk {
  major: number
  /** Such as 21.0.8. */
  version: string
  /** Its folder. */
  home: string
  /** Folder of the host whose shared libraries it is made for: `/`, or the root of a runtime of the store. */
  root: string
  /** Names what it is: another JDK, or a changed one, has another key. */
  key: string
}

/** Where a JDK of the store is in its root. */
export const jdkFolder = 'usr/lib/jvm/jdk'

const linker = 'lib64/ld-linux-x86-64.so.2'
const libraries = 'lib/x86_64-linux-gnu'

/** The JDK of a runtime of the store. */
export function storedJdk(runtime: Runtime): Jdk {
  const { version, key, root } = runtime
  return { major: Number(version.split('.')[0]), version, home: path.join(root, jdkFolder), root, key }
}

/**
 * The JDKs of the host, those first that a person has chosen: JAVA_HOME, `javac` on PATH, then where distributions and
 * SDKMAN put them. Run-time environments without a compiler are left out.
 */
export function hostJdks(environment: NodeJS.ProcessEnv = process.env): Jdk[] {
  const chosen = environment['JAVA_HOME']
  const javac = findCommand('javac', environment['PATH'])
  const homes = [
    ...(chosen ? [chosen] : []),
    ...(javac ? [path.dirname(path.dirname(fs.realpathSync(javac)))] : []),
    ...['/usr/lib/jvm', '/usr/java', '/opt/java', path.join(os.homedir(), '.sdkman/candidates/java')].flatMap(
      below,
    ),
  ]
  const found = new Map<string, Jdk>()
  for (const home of homes) {
    const jdk = readJdk(home)
    if (jdk && !found.has(jdk.home)) found.set(jdk.home, jdk)
  }
  return [...found.values()]
}

function below(folder: string): string[] {
  try {
    return fs
      .readdirSync(folder)
      .sort()
      .map((name) => path.join(folder, name))
  } catch {
    return []
  }
}

/** What is in a folder, if that is a JDK: it says so itself in the file `release`. */
export function readJdk(folder: string): Jdk | undefined {
  try {
    const home = fs.realpathSync(folder)
    const release = fs.readFileSync(path.join(home, 'release'), 'utf8')
    const version = /^JAVA_VERSION="(\d+(?:\.\d+)*)/m.exec(release)?.[1]
    if (version === undefined || !isFile(home, 'bin/javac') || !isFile(home, 'bin/jlink')) return undefined
    const stats = ['lib/modules', 'lib/server/libjvm.so'].map((name) => fs.statSync(path.join(home, name)))
    const key = digestOf(home, release, ...stats.map(({ size, mtimeMs }) => `${size} ${mtimeMs}`))
    return { major: Number(version.split('.')[0]), version, home, root: '/', key }
  } catch {
    return undefined
  }
}

function isFile(folder: string, name: string): boolean {
  return fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.isFile() === true
}

/**
 * The words that start a `java` on this host. One of the store comes with its own C library, which may be newer than
 * the host's: then its own dynamic linker starts it.
 */
export function javaCommand({ root }: Pick<Jdk, 'root'>, java: string): [string, ...string[]] {
  if (root === '/') return [java]
  return [path.join(root, linker), '--library-path', path.join(root, libraries), java]
}

/** Options that change what a `java` does from outside; what is built is to depend on the function only. */
const foreign = [
  'JAVA_TOOL_OPTIONS',
  'JDK_JAVA_OPTIONS',
  '_JAVA_OPTIONS',
  'CLASSPATH',
  'LD_LIBRARY_PATH',
  'LD_PRELOAD',
]
const quickStart = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData']

export interface JavaOptions {
  cwd?: string
  input?: string
  accept?: readonly number[]
  /** Variables besides the host's. */
  env?: Record<string, string>
  /** Whether it is a program of a second or so, for which compiling less pays. Default: true. */
  quick?: boolean
  run?: Runner
}

/** Runs the `java` of a JDK, or another one that was made of it. @throws UfrError UFR-COMMAND as `runCommand`. */
export function runJava(
  jdk: Jdk,
  args: readonly string[],
  { run = runCommand, env, quick = true, ...options }: JavaOptions = {},
  java = path.join(jdk.home, 'bin/java'),
): Promise<CommandResult> {
  const [command, ...before] = javaCommand(jdk, java)
  return run(command, [...before, ...(quick ? quickStart : []), ...args], {
    ...options,
    env: cleanEnvironment(env),
  })
}

/** The environment without what would change what a `java` does. */
export function cleanEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, ...more }
  for (const name of foreign) delete env[name]
  return env
}

/** The main classes of a JDK's tools: as programs of their own, they would not start with another C library. */
export const jdkTools = {
  javac: 'jdk.compiler/com.sun.tools.javac.Main',
  jdeps: 'jdk.jdeps/com.sun.tools.jdeps.Main',
  jlink: 'jdk.jlink/jdk.tools.jlink.internal.Main',
} as const

/**
 * A folder for JAVA_HOME, for programs that start its `java` by themselves: one of the store has scripts in place of
 * its programs, which go by way of its own dynamic linker.
 */
export function hostHome(jdk: Jdk): string {
  if (jdk.root === '/') return jdk.home
  const folder = homePath('jvm', 'homes', jdk.key)
  if (fs.existsSync(folder)) return folder
  const made = temporaryName(folder)
  fs.mkdirSync(path.join(made, 'bin'), { recursive: true })
  for (const name of fs.readdirSync(jdk.home)) {
    if (name !== 'bin') fs.symlinkSync(path.join(jdk.home, name), path.join(made, name))
  }
  for (const name of fs.readdirSync(path.join(jdk.home, 'bin'))) {
    const words = javaCommand(jdk, path.join(jdk.home, 'bin', name)).map(
      (word) => `'${word.replaceAll("'", "'\\''")}'`,
    )
    fs.writeFileSync(path.join(made, 'bin', name), `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, {
      mode: 0o755,
    })
  }
  try {
    fs.renameSync(made, folder)
  } catch {
    // Another process was first.
    fs.rmSync(made, { recursive: true, force: true })
  }
  return folder
}
