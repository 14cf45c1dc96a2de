import fs from 'node:fs'
import path from 'node:path'
import { ensureMaven } from '../../kernel/java/maven.ts'
import type { BuildTool } from './build-tool.ts'

/** Plug-ins that put everything a program needs into its jar. */
const fatJarPlugins = /maven-shade-plugin|maven-assembly-plugin|spring-boot-maven-plugin|quarkus-maven-plugin/
const fatJarName = /-(?:jar-with-dependencies|all|shaded|fat|uber|runner)\.jar$/
const notTheProgram =
  /(?:^original-.*|-(?:sources|javadoc|tests|test-sources|test-javadoc))\.jar$|\.original$/

/** Apache Maven. */
export const maven: BuildTool = {
  title: 'Maven',
  wrapper: 'mvnw',
  command: 'mvn',
  install: 'sudo apt-get install maven',
  fetch: ensureMaven,
  outside: parents,
  args(folder, collected) {
    const pom = fs.readFileSync(path.join(folder, 'pom.xml'), 'utf8')
    const collects = /<dependency>/.test(pom) && !fatJarPlugins.test(pom)
    const goals = collects ? ['package', 'dependency:copy-dependencies'] : ['package']
    const where = collects ? ['-DincludeScope=runtime', `-DoutputDirectory=${collected}`] : []
    return ['-B', '-ntp', '-DskipTests', '-Dstyle.color=never', ...where, ...goals]
  },
  jars(folder, collected) {
    const own = programJar(path.join(folder, 'target'))
    return own === undefined ? [] : [own, ...jarsIn(collected)]
  },
  errors: (output) =>
    output
      .split('\n')
      .filter((line) => line.startsWith('[ERROR]'))
      .map((line) =>
        line
          .slice('[ERROR]'.length)
          .trim()
          .replace(/:\[(\d+),(\d+)\]/, ':$1:$2:'),
      )
      .filter(
        (line) =>
          line !== '' &&
          !/^(COMPILATION ERROR|-> \[Help|\[Help|To see the full|Re-run Maven|For more information)/.test(
            line,
          ),
      )
      .join('\n'),
}

/** The project files of the folders above, which a project may inherit from. */
function parents(folder: string): string[] {
  const above = path.join(path.dirname(folder), 'pom.xml')
  return fs.existsSync(above) && folder !== path.dirname(folder)
    ? [above, ...parents(path.dirname(folder))]
    : []
}

/** Of the jars that a build left, the one that runs: the one with everything in it, else the one of the shortest name. */
export function programJar(folder: string): string | undefined {
  const jars = jarsIn(folder).filter((file) => !notTheProgram.test(path.basename(file)))
  const sorted = jars.sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
  return sorted.find((file) => fatJarName.test(file)) ?? sorted[0]
}

export function jarsIn(folder: string): string[] {
  if (!fs.existsSync(folder)) return []
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.jar'))
  return names.sort().map((name) => path.join(folder, name))
}
