import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Detected, Detector } from '../../function/detect.ts'
import type { ClassFile } from './class-file.ts'
import { handlerClasses, hasMain, isHandler, mainClasses, opensServer, usesServer } from './class-path.ts'
import { type Jar, openJar } from './jar.ts'
import { classRoot, readLoose } from './loose.ts'
import { findProject, type Project } from './project.ts'
import { type JvmSource, readSource } from './source.ts'

const runtime = 'java'
const maxSources = 500
const maxFileBytes = 2 << 20
/** Of a jar's classes so many are looked at for a handler. */
const maxClasses = 4000
/** Which of several classes with a `main` is meant. */
const usualMain = /(^|\.)(Main|App|Application|Server)(Kt)?$/
const webFrameworks =
  /^(io\/netty\/|io\/undertow\/|org\/eclipse\/jetty\/|org\/apache\/(catalina|tomcat)\/|io\/ktor\/server\/|io\/javalin\/|org\/http4k\/|BOOT-INF\/lib\/spring-web)/

/** Recognises functions for the Java virtual machine: a Maven or Gradle project, sources, or a jar. */
export const jvmDetector: Detector = {
  family: 'java',
  looksFor: 'pom.xml, build.gradle, .java, .kt or .class files, or a jar',
  detect: detectJvm,
}

/**
 * What a folder for the JVM holds: a handler where a class implements AWS's interface or a method has a usual name,
 * else a class with a `main`: a web function where it opens a server, a program otherwise.
 * @throws UfrError UFR-DETECT where several things may be meant, or a jar shows neither.
 */
export function detectJvm(folder: string): Detected | undefined {
  const project = findProject(folder)
  if (!project) return undefined
  return project.kind === 'jar' ? detectCompiled(folder, project) : detectSources(folder, project)
}

function detectSources(folder: string, project: Project): Detected | undefined {
  const sources = project.sources.slice(0, maxSources).map((name) => readFile(folder, name))
  const handlers = sources.flatMap((source) => source.handlers.slice(0, 1))
  if (handlers.length > 1) throw several(folder, 'handlers', handlers, 'handler')
  const [handler] = handlers
  if (handler !== undefined) return { runtime, shape: 'handler', handler }
  const mains = sources.flatMap(({ main }) => (main === undefined ? [] : [main]))
  const command = mains.length === 1 ? mains[0] : mains.find((name) => usualMain.test(name))
  if (command === undefined && mains.length > 1)
    throw several(folder, 'classes with a main', mains, 'command')
  if (command !== undefined) {
    return { runtime, shape: sources.some(({ server }) => server) ? 'web' : 'program', command }
  }
  if (project.kind !== 'sources') return undefined
  throw new UfrError(
    'UFR-DETECT',
    `${folder} has Java or Kotlin sources, but neither a handler nor a main is seen in them`,
    {
      detail: [
        `looked into: ${project.sources.slice(0, 8).join(', ')}${project.sources.length > 8 ? ', …' : ''}`,
      ],
      fix: 'Say which it is in ufr.json, such as { "runtime": "java", "handler": "app.Hello::handle" } or { "runtime": "java", "command": "app.Main" }.',
    },
  )
}

function readFile(folder: string, name: string): JvmSource {
  const file = path.join(folder, name)
  if (fs.statSync(file).size > maxFileBytes) return { handlers: [], server: false }
  return readSource(path.basename(name), fs.readFileSync(file, 'utf8'))
}

function several(folder: string, what: string, names: string[], key: string): UfrError {
  const shown = `${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`
  return new UfrError('UFR-DETECT', `${folder} has several ${what}: ${shown}`, {
    fix: `Say in ufr.json which one it is: { "runtime": "java", ${JSON.stringify(key)}: ${JSON.stringify(names[0])} }`,
  })
}

function detectCompiled(folder: string, { jars, classes }: Project): Detected | undefined {
  const top = jars.filter((name) => !name.includes('/'))
  const opened = top.map((name) => ({ name, jar: openJar(path.join(folder, name)) }))
  const found = opened.flatMap(({ name, jar }) => {
    const kind = detectedIn(name, jar)
    return kind ? [{ name, kind }] : []
  })
  if (found.length > 1) {
    const names = found.map(({ name }) => name)
    throw several(folder, 'jars that can be run', names, 'command')
  }
  if (found[0]) return found[0].kind
  const loose = looseClasses(folder, classes)
  const detected = detectedAmong(folder, loose)
  if (detected || (top.length === 0 && loose.length === 0)) return detected
  const what = top.length > 0 ? top.join(', ') : 'The class files'
  const have = top.length === 1 ? 'has' : 'have'
  const mains = opened.flatMap(({ jar }) => mainClasses(jar, maxClasses)).slice(0, 8)
  const command = JSON.stringify(mains[0] ?? 'app.Main')
  throw new UfrError('UFR-DETECT', `${what} in ${folder} ${have} neither a main class nor a handler`, {
    fix: `Name a class that is in it in ufr.json: { "runtime": "java", "command": ${command} } or { "runtime": "java", "handler": "app.Hello::handle" }; or let the build write Main-Class into its manifest.`,
    detail: [
      'looked for: Main-Class in META-INF/MANIFEST.MF; classes that implement RequestHandler or RequestStreamHandler',
      ...(mains.length > 0 ? [`classes with a main: ${mains.join(', ')}`] : []),
    ],
  })
}

/** Class files whose packages begin in the folder itself, as in what AWS Lambda is given. */
function looseClasses(folder: string, names: readonly string[]): ClassFile[] {
  return names.slice(0, maxClasses).flatMap((name) => {
    const found = readLoose(folder, name)
    return found && classRoot(name, found) === '' ? [found] : []
  })
}

function detectedAmong(folder: string, classes: readonly ClassFile[]): Detected | undefined {
  const handlers = classes.filter(isHandler).map(({ name }) => name)
  if (handlers.length > 1) throw several(folder, 'handlers', handlers, 'handler')
  if (handlers.length === 1) return { runtime, shape: 'handler', handler: `${handlers[0]}::handleRequest` }
  const mains = classes.filter(hasMain).map(({ name }) => name)
  const command = mains.length === 1 ? mains[0] : mains.find((name) => usualMain.test(name))
  if (command !== undefined) return { runtime, shape: classes.some(opensServer) ? 'web' : 'program', command }
  if (mains.length > 1) throw several(folder, 'classes with a main', mains, 'command')
  return undefined
}

function detectedIn(name: string, jar: Jar): Detected | undefined {
  const handlers = handlerClasses(jar, maxClasses)
  if (handlers.length === 1) return { runtime, shape: 'handler', handler: `${handlers[0]}::handleRequest` }
  if (handlers.length > 1) throw several(jar.file, 'handlers', handlers, 'handler')
  if (jar.manifest.mainClass === undefined) return undefined
  return { runtime, shape: servesIn(jar) ? 'web' : 'program', command: name }
}

/** Whether a jar with everything in it has a web framework in it, or a class of its own opens a server. */
function servesIn(jar: Jar): boolean {
  if ([...jar.entries.keys()].some((name) => webFrameworks.test(name))) return true
  return usesServer(jar)
}
