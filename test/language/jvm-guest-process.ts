import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { homePath } from '../../src/base/paths.ts'
import { noProgress } from '../../src/base/progress.ts'
import { hostJdks, type Jdk, javaCommand, jdkTools, runJava, storedJdk } from '../../src/kernel/java/jdk.ts'
import { ensureKotlin } from '../../src/kernel/java/kotlin.ts'
import { oldestJava } from '../../src/kernel/java/version.ts'
import { listRuntimes } from '../../src/kernel/runtimes.ts'
import {
  type Answer,
  fetchFrom,
  folderWith,
  type Guest,
  invocationPath,
  startGuest,
} from './node-guest-process.ts'

const guest = fileURLToPath(new URL('../../src/language/jvm/guest', import.meta.url))
const cases = fileURLToPath(new URL('./jvm-guest', import.meta.url))

/** The JDKs that the guest's side is to run on: of the host, and of the store. */
export function allJdks(): Jdk[] {
  const stored = listRuntimes().runtimes.filter(({ language }) => language === 'java')
  return [...hostJdks().filter(({ major }) => major >= oldestJava), ...stored.map(storedJdk)]
}

const [jdk] = allJdks()
export const lackingJdk: string | false = jdk ? false : 'no JDK on this host or in the store'
export const lackingKotlin: string | false =
  lackingJdk || (fs.existsSync(homePath('kotlin')) ? false : 'no Kotlin compiler in the store')

export interface JavaHandler extends Guest {
  port: number
  invoke(event?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** What comes of an event for one of several handlers, where the handler is `ufr.guest.Any`. */
  call(handler: string, event?: unknown): Promise<unknown>
}

let classes: string | undefined

/** Compiles the guest's side and the test's handlers, once for all tests of a file. */
async function compiled(): Promise<string> {
  if (classes !== undefined) return classes
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-java-'))
  process.on('exit', () => fs.rmSync(made, { recursive: true, force: true }))
  const files = ['aws', 'server'].flatMap((name) => javaFiles(path.join(guest, name)))
  const options = ['--release', String(oldestJava), '-proc:none', '-nowarn']
  await runJava(jdk!, ['-m', jdkTools.javac, ...options, '-d', made, ...files, ...javaFiles(cases)])
  classes = made
  return made
}

function javaFiles(folder: string): string[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.java')).map((name) => path.join(folder, name))
}

/** Compiles Kotlin files into a folder of their own. @returns what is to be on the class path. */
export async function compiledKotlin(t: TestContext, files: Record<string, string>): Promise<string[]> {
  const folder = folderWith(t, files)
  const kotlin = await ensureKotlin(noProgress())
  const classPath = [await compiled(), kotlin.stdlib]
  const options = ['-no-stdlib', '-no-reflect', '-nowarn', '-java-parameters', '-jdk-home', jdk!.home]
  const words = ['-cp', kotlin.compiler.join(':'), 'org.jetbrains.kotlin.cli.jvm.K2JVMCompiler', ...options]
  const target = path.join(folder, 'classes')
  await runJava(jdk!, ['-Xss4m', ...words, '-cp', classPath.join(':'), '-d', target, ...Object.keys(files)], {
    cwd: folder,
  })
  return [target, kotlin.stdlib]
}

interface StartOptions {
  environment?: Record<string, string>
  classPath?: readonly string[]
  /** Options of `java`. */
  options?: readonly string[]
  on?: Jdk
}

/** Starts the handler server as the guest would, and waits until it is ready. */
export async function startJava(
  t: TestContext,
  handler: string,
  { environment = {}, classPath = [], options = [], on = jdk! }: StartOptions = {},
): Promise<JavaHandler> {
  const all = [await compiled(), ...classPath].join(':')
  const [command, ...before] = javaCommand(on, path.join(on.home, 'bin/java'))
  const quick = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', ...options]
  const words = [...before, ...quick, '-cp', all, 'ufr.guest.Server']
  const env = { UFR_PORT: '0', _HANDLER: handler, LANG: 'C.UTF-8', ...environment }
  const process = startGuest(t, folderWith(t, {}), words, { node: command, environment: env })
  const port = await process.ready
  const invoke = (event: unknown = {}, headers: Record<string, string> = {}) =>
    fetchFrom(port, { method: 'POST', path: invocationPath, headers }, JSON.stringify(event))
  const call = async (name: string, event: unknown = null) => (await invoke({ handler: name, event })).json()
  return { ...process, port, invoke, call }
}
