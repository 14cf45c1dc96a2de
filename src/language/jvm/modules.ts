import fs from 'node:fs'
import { writeFileAtomic } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { digestOf } from '../../image/digest.ts'
import { type Jdk, jdkTools, runJava } from '../../kernel/java/jdk.ts'
import type { ClassPath } from './class-path.ts'

const formatVersion = 'modules-1'

/** What programs use without naming it: Unsafe, and elliptic curves for TLS (from Java 22 on a part of java.base). */
const always = ['java.base', 'jdk.crypto.ec', 'jdk.unsupported']

/**
 * What is taken where jars are in a jar, as Spring Boot packs them, and jdeps cannot look into them; where it fails, and
 * where there are no jars to look into.
 */
const plenty = [
  ...['java.compiler', 'java.desktop', 'java.instrument', 'java.logging', 'java.management', 'java.naming'],
  ...[
    'java.net.http',
    'java.prefs',
    'java.rmi',
    'java.scripting',
    'java.security.jgss',
    'java.security.sasl',
  ],
  ...['java.sql', 'java.transaction.xa', 'java.xml', 'java.xml.crypto', 'jdk.httpserver', 'jdk.management'],
  ...['jdk.naming.dns', 'jdk.net', 'jdk.zipfs'],
]

/** The modules that a function gets of which nothing is known. */
export const usualModules: readonly string[] = [...new Set([...always, ...plenty])].sort()

/**
 * The modules of the platform that a function's classes use, in order.
 * @param digest names what is on the class path.
 */
export async function modulesOf(
  classPath: ClassPath,
  digest: string,
  jdk: Jdk,
  progress: Progress,
): Promise<string[]> {
  const file = homePath('jvm', 'modules', digestOf(formatVersion, jdk.key, digest))
  if (fs.existsSync(file)) return fs.readFileSync(file, 'utf8').split(',')
  progress.step('Looking for the modules of Java that the function uses')
  const found = holdsJars(classPath) ? plenty : await dependencies(classPath, jdk, progress)
  const modules = [...new Set([...always, ...found])].sort()
  writeFileAtomic(file, modules.join(','))
  return modules
}

/** Those modules, and the ones that options of `java` add to them by name. */
export function withAdded(modules: readonly string[], options: readonly string[]): string[] {
  const words = options.flatMap((word, i) =>
    word === '--add-modules'
      ? [options[i + 1] ?? '']
      : word.startsWith('--add-modules=')
        ? [word.slice(14)]
        : [],
  )
  const names = words.flatMap((word) => word.split(',')).filter((name) => /^[a-z][\w.]*$/.test(name))
  return [...new Set([...modules, ...names])].sort()
}

function holdsJars({ jars }: ClassPath): boolean {
  return jars.some(({ entries }) =>
    [...entries.keys()].some((name) => /^(BOOT-INF|WEB-INF)\/lib\/.*\.jar$/.test(name)),
  )
}

async function dependencies({ jars }: ClassPath, jdk: Jdk, progress: Progress): Promise<string[]> {
  const files = jars.map(({ file }) => file)
  const options = ['--print-module-deps', '--ignore-missing-deps', '--multi-release', String(jdk.major)]
  try {
    const args = ['-m', jdkTools.jdeps, ...options, '--class-path', files.join(':'), ...files]
    const { stdout } = await runJava(jdk, args)
    const line = stdout.trim().split('\n').at(-1) ?? ''
    if (/^[\w.]+(,[\w.]+)*$/.test(line)) return line.split(',')
    if (line === '') return []
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-COMMAND') throw error
  }
  progress.note('jdeps cannot tell which modules of Java the function uses: it gets the usual ones.')
  return plenty
}
