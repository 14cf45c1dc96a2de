import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import { findCommand, type Runner, runCommand } from '../../base/process.ts'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { digestOf } from '../../image/digest.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { cleanEnvironment, hostHome, type Jdk } from '../../kernel/java/jdk.ts'
import { type ClassPathEntry, ensureBuild } from './builds.ts'
import { compileError } from './compile.ts'
import { isOutput } from './project.ts'

const formatVersion = 'tool-1'
const maxFiles = 100_000
/** A first build may have to download all of its plug-ins. */
const limitMs = 30 * 60_000

/** A build tool of the JVM world. */
export interface BuildTool {
  /** For people. */
  title: string
  /** The script beside a project that brings the tool. */
  wrapper: string
  /** The command where there is no such script. */
  command: string
  install: string
  /** Fetches a command where the host has none. @throws UfrError where it cannot be had. */
  fetch?(progress: Progress): Promise<string>
  /** What a build depends on besides what is in the folder. */
  outside?(folder: string): string[]
  /**
   * The words that build a project.
   * @param collected an empty folder for jars that the tool collects.
   */
  args(folder: string, collected: string): string[]
  /** Files that have to be in `collected` for the build to do so. */
  before?(collected: string): void
  /** The jars that a build made, the function's own first; absolute paths. */
  jars(folder: string, collected: string): string[]
  /** The lines of its output that say what is wrong. */
  errors(output: string): string
}

/**
 * Builds a project by its own build tool, in its folder, as its developers do.
 * @throws UfrError UFR-BUILD with the tool's words; UFR-TOOLCHAIN where the tool is missing and cannot be fetched.
 */
export async function buildProject(
  spec: FunctionSpec,
  tool: BuildTool,
  jdk: Jdk,
  progress: Progress,
  run: Runner = runCommand,
): Promise<ClassPathEntry[]> {
  const { folder } = spec
  const sums = [...inputFiles(folder), ...(tool.outside?.(folder) ?? [])].flatMap((file) => [
    path.relative(folder, file),
    fileSha256(file),
  ])
  const key = digestOf(formatVersion, tool.title, jdk.key, folder, ...sums)
  return ensureBuild(key, progress, `the build of ${spec.name}`, (target) =>
    withTemporaryFolder(homePath('jvm'), async (collected) => {
      const command = await commandOf(spec, tool, progress)
      tool.before?.(collected)
      progress.step(`Building ${spec.name} with ${tool.title}`)
      const env = cleanEnvironment({ JAVA_HOME: hostHome(jdk) })
      const result = await run(command, tool.args(folder, collected), {
        ...{ cwd: folder, env, timeout: limitMs, accept: [0, 1], install: tool.install },
      })
      if (result.status !== 0) {
        const output = tool.errors(`${result.stdout}\n${result.stderr}`)
        throw compileError(spec, `${tool.title} could not build ${spec.name}`, output)
      }
      const jars = tool.jars(folder, collected)
      if (jars.length === 0) throw noJar(spec, tool)
      return jars.map((file, i) =>
        placeJar(file, i === 0 ? 'function.jar' : `lib/${path.basename(file)}`, target),
      )
    }),
  )
}

function placeJar(file: string, name: string, target: string): string {
  fs.mkdirSync(path.dirname(path.join(target, name)), { recursive: true })
  fs.copyFileSync(file, path.join(target, name), fs.constants.COPYFILE_FICLONE)
  return name
}

async function commandOf(
  { folder, name }: FunctionSpec,
  tool: BuildTool,
  progress: Progress,
): Promise<string> {
  const wrapper = path.join(folder, tool.wrapper)
  if (fs.existsSync(wrapper)) {
    if ((fs.statSync(wrapper).mode & 0o111) !== 0) return wrapper
    throw new UfrError('UFR-COMMAND', `${wrapper} is not executable`, { fix: `chmod +x ${wrapper}` })
  }
  const found = findCommand(tool.command)
  if (found !== undefined) return found
  if (tool.fetch) return tool.fetch(progress)
  throw new UfrError(
    'UFR-TOOLCHAIN',
    `${name} is built by ${tool.title}, which is not installed (neither ${tool.wrapper} in the folder nor ${tool.command} on PATH)`,
    {
      fix: `Install it (${tool.install}), add the project's wrapper script ${tool.wrapper}, or name a jar that is built already: "command" or "runtime" in ufr.json.`,
    },
  )
}

function noJar({ name }: FunctionSpec, tool: BuildTool): UfrError {
  return new UfrError('UFR-BUILD', `${tool.title} built ${name}, but left no jar where it usually does`, {
    fix: 'Let the build make a jar, or name the jar by "command" in ufr.json.',
  })
}

/** All files of a project but what its build makes. */
function inputFiles(folder: string): string[] {
  const files: string[] = []
  const walk = (prefix: string): void => {
    const entries = fs.readdirSync(path.join(folder, prefix), { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const at = path.join(prefix, entry.name)
      if (entry.isDirectory() && !isOutput(at)) walk(at)
      else if (entry.isFile() && at !== 'ufr.json' && files.length < maxFiles)
        files.push(path.join(folder, at))
    }
  }
  walk('')
  return files
}
