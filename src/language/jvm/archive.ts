import fs from 'node:fs'
import path from 'node:path'
import { temporaryName, withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { digestOf } from '../../image/digest.ts'
import { zipBytes } from '../../image/formats/zip/reader.ts'
import { withSource } from '../../image/source.ts'
import { runJava } from '../../kernel/java/jdk.ts'
import { taskFolder } from '../program.ts'
import type { ClassPathEntry } from './builds.ts'
import type { ClassPath } from './class-path.ts'
import { readingClasses } from './jar.ts'
import { forgetTimes, type Jre, jreFolder } from './jre.ts'

const formatVersion = 'archive-4'
/** How far to follow what classes name: the rest would be loaded for nothing, most of it. */
const maxDepth = 6
const maxClasses = 8000

/** What our side of a handler loads besides what the runtime's own archive has: it depends on AWS's interfaces. */
const ours = [
  ...[
    'Server',
    'LambdaContext',
    'LambdaContext$Logger',
    'Handler$OfRequest',
    'Handler$OfMethod',
    'Bind',
    'Beans',
    'Types',
    'Properties',
  ].map((name) => `ufr.guest.${name}`),
  ...[
    'RequestHandler',
    'RequestStreamHandler',
    'Context',
    'LambdaLogger',
    'CognitoIdentity',
    'ClientContext',
  ].map((name) => `com.amazonaws.services.lambda.runtime.${name}`),
]

/** For measurements of what they gain: UFR_JAVA_ARCHIVE takes away the function's archive of classes, or both. */
export function archivesSaid(): 'both' | 'runtime' | 'none' {
  const said = process.env['UFR_JAVA_ARCHIVE']
  return said === 'off' ? 'none' : said === 'runtime' ? 'runtime' : 'both'
}

/** What an archive is for. */
export interface ArchiveInputs {
  jre: Jre
  /** The function's jars. */
  entries: readonly ClassPathEntry[]
  classPath: ClassPath
  /** Names what is on the class path. */
  digest: string
  /** The class path as the guest has it. */
  words: string
  /** The handler's class, or the main one. */
  start: string
  handler: boolean
}

/**
 * An archive of a function's classes, loaded and checked, which the guest maps on top of the runtime's own. Nothing of
 * the function runs for it: classes are loaded, but not initialised.
 * @returns the file; undefined where none can be made, which costs time at the start and nothing else.
 */
export async function ensureArchive(inputs: ArchiveInputs, progress: Progress): Promise<string | undefined> {
  const { jre, digest, words, start, handler } = inputs
  const key = digestOf(formatVersion, jre.key, digest, words, start, String(handler))
  const file = homePath('jvm', 'archives', `${key}.jsa`)
  if (fs.existsSync(file)) return file
  progress.step('Making the archive of the function’s classes')
  try {
    await withTemporaryFolder(homePath('jvm'), (folder) => make(folder, file, inputs))
    return file
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-COMMAND') throw error
    progress.note(`No archive of the function's classes could be made, so it starts slower: ${error.message}`)
    return undefined
  }
}

async function make(
  folder: string,
  file: string,
  { jre, entries, classPath, words, start, handler }: ArchiveInputs,
): Promise<void> {
  // As in the guest: an archive holds for the class path as it is written, relative to the working directory.
  const work = path.join(folder, taskFolder)
  fs.mkdirSync(work, { recursive: true })
  for (const name of fs.readdirSync(jre.root))
    fs.symlinkSync(path.join(jre.root, name), path.join(folder, name))
  for (const { name, file: jar } of entries) {
    fs.mkdirSync(path.dirname(path.join(work, name)), { recursive: true })
    fs.copyFileSync(jar, path.join(work, name), fs.constants.COPYFILE_FICLONE)
  }
  forgetTimes(
    work,
    entries.map(({ name }) => name),
  )
  const made = path.join(folder, 'function.jsa')
  const names = [...(handler ? ours : []), ...reachable(classPath, start)]
  const args = [`-XX:ArchiveClassesAtExit=${made}`, '-Xlog:disable', '-cp', words, 'ufr.guest.Preload']
  await runJava(
    jre.jdk,
    args,
    { cwd: work, input: names.join('\n') },
    path.join(jre.root, jreFolder, 'bin/java'),
  )
  if (!fs.existsSync(made)) throw new UfrError('UFR-COMMAND', 'java left no archive behind')
  fs.mkdirSync(path.dirname(file), { recursive: true })
  const temporary = temporaryName(file)
  fs.copyFileSync(made, temporary)
  fs.chmodSync(temporary, 0o644)
  fs.renameSync(temporary, file)
}

/** Files of jars that name classes which no class does: service providers, and what Spring configures by itself. */
const namingFiles = /^META-INF\/(?:services\/[^/]+|spring\.factories|spring\/[^/]+\.imports)$/
const maxNamingBytes = 1 << 20

/** The classes that a class names, those that these name, and so on: the near ones first. */
export function reachable(classPath: ClassPath, start: string): string[] {
  const found = new Set([start, ...namedInFiles(classPath)])
  let level = [...found]
  for (let depth = 0; depth < maxDepth && level.length > 0; depth++) {
    const next = new Set<string>()
    for (const name of level) {
      const jar = classPath.jarOf(name)
      const references = jar ? readingClasses(jar, (read) => read(name)?.references ?? []) : []
      for (const each of references) if (!found.has(each)) next.add(each)
    }
    for (const name of next) if (found.size < maxClasses) found.add(name)
    level = [...next]
  }
  return [...found]
}

function namedInFiles(classPath: ClassPath): string[] {
  return classPath.jars.flatMap(({ file, entries }) => {
    const files = [...entries.values()].filter(({ name }) => namingFiles.test(name))
    if (files.length === 0) return []
    const texts = withSource(file, (source) =>
      files.map((each) => zipBytes(source, each, maxNamingBytes).toString()),
    )
    const words = texts.flatMap((text) => text.replace(/#.*/g, '').match(/[\w$]+(?:\.[\w$]+)+/g) ?? [])
    return words.filter((name) => classPath.jarOf(name) !== undefined)
  })
}
