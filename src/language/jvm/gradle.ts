import fs from 'node:fs'
import path from 'node:path'
import type { BuildTool } from './build-tool.ts'
import { jarsIn, programJar } from './maven.ts'

const script = 'ufr.gradle'

/**
 * Added to the build from outside: a task that copies the libraries of the program. Gradle has no such task of its own.
 */
const initScript = `
gradle.projectsEvaluated {
  def project = gradle.rootProject
  project.tasks.register('ufrLibraries', Copy) {
    if (project.configurations.findByName('runtimeClasspath') != null) from project.configurations.runtimeClasspath
    into System.getProperty('ufr.libraries')
  }
}
`

/** Gradle; what makes one jar of all is preferred where the build has it. */
export const gradle: BuildTool = {
  title: 'Gradle',
  wrapper: 'gradlew',
  command: 'gradle',
  install: 'see https://gradle.org/install',
  before: (collected) => fs.writeFileSync(path.join(collected, script), initScript),
  args: (_folder, collected) => {
    const ours = ['--init-script', path.join(collected, script), `-Dufr.libraries=${collected}`]
    return ['--console=plain', '-q', ...ours, 'assemble', 'ufrLibraries']
  },
  jars(folder, collected) {
    const own = programJar(path.join(folder, 'build/libs'))
    return own === undefined ? [] : [own, ...jarsIn(collected)]
  },
  errors: (output) =>
    output
      .split('\n')
      .map((line) => line.replace(/^e: (?:file:\/\/)?/, ''))
      .filter((line) => !/^(\* Try:|> Run with|FAILURE:|> Get more help|BUILD FAILED)/.test(line))
      .join('\n'),
}
