import fs from 'node:fs'
import path from 'node:path'

/** What a folder for the JVM holds. */
export interface Project {
  /** `sources`: files that ufr compiles itself; `jar`: compiled already, to jars or loose class files. */
  kind: 'maven' | 'gradle' | 'sources' | 'jar'
  /** Java and Kotlin files, without tests: paths in the folder. */
  sources: string[]
  /** Jars in the folder, but for what a build left there: those at the top first. */
  jars: string[]
  /** Loose class files, likewise. */
  classes: string[]
}

/** What builds and editors put beside sources. */
const leftOut = new Set(['target', 'build', 'out', 'bin', 'node_modules'])
const maxFiles = 20_000
const maxDepth = 40
const gradleFiles = ['build.gradle', 'build.gradle.kts', 'settings.gradle', 'settings.gradle.kts']

/** What there is in a folder for the JVM; undefined where that is nothing. */
export function findProject(folder: string): Project | undefined {
  const { sources, jars, classes } = findFiles(folder)
  const has = (name: string) =>
    fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.isFile() === true
  const kind = has('pom.xml')
    ? 'maven'
    : gradleFiles.some(has)
      ? 'gradle'
      : sources.length > 0
        ? 'sources'
        : jars.length + classes.length > 0
          ? 'jar'
          : undefined
  return kind && { kind, sources, jars, classes }
}

/** Whether a file is a source that is compiled into the function: no test of it, and no script. */
export function isSource(file: string): boolean {
  return /\.(?:java|kt)$/.test(file) && !/(^|\/)src\/(?:\w*[tT]est\w*)\//.test(file)
}

/** Whether a folder, by its path, is one whose files come out of a build. */
export function isOutput(file: string): boolean {
  const name = path.posix.basename(file)
  return leftOut.has(name) || name.startsWith('.')
}

function findFiles(folder: string): Omit<Project, 'kind'> {
  const sources: string[] = []
  const jars: string[] = []
  const classes: string[] = []
  let seen = 0
  const walk = (prefix: string, depth: number): void => {
    const entries = fs.readdirSync(path.join(folder, prefix), { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (++seen > maxFiles) return
      const at = prefix === '' ? entry.name : `${prefix}/${entry.name}`
      if (entry.isDirectory() && depth < maxDepth && !isOutput(at)) walk(at, depth + 1)
      else if (entry.isFile() && isSource(at)) sources.push(at)
      else if (entry.isFile() && /\.jar$/.test(at) && !/(^|\/)(?:maven|gradle)-wrapper\.jar$/.test(at))
        jars.push(at)
      else if (entry.isFile() && isClass(entry.name)) classes.push(at)
    }
  }
  walk('', 0)
  const depth = (file: string) => file.split('/').length
  return { sources, jars: jars.sort((a, b) => depth(a) - depth(b)), classes }
}

function isClass(name: string): boolean {
  return name.endsWith('.class') && name !== 'module-info.class' && name !== 'package-info.class'
}
