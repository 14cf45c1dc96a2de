import { UfrError } from '../../base/errors.ts'
import { nearest } from '../../base/nearest.ts'
import { type ClassFile, javaOf } from './class-file.ts'
import { classNames, type Jar, openJar, readingClasses } from './jar.ts'

/** Jars in the order in which a `java` looks into them. */
export interface ClassPath {
  jars: Jar[]
  /** The class of a name; undefined where no jar has it. */
  find(name: string): ClassFile | undefined
  /** The jar that has a class. */
  jarOf(name: string): Jar | undefined
}

export function openClassPath(files: readonly string[]): ClassPath {
  const jars = files.map(openJar)
  const jarOf = (name: string) => {
    const entry = `${name.replaceAll('.', '/')}.class`
    return jars.find(({ entries }) => entries.has(entry))
  }
  return {
    jars,
    jarOf,
    find(name) {
      const jar = jarOf(name)
      return jar && readingClasses(jar, (read) => read(name))
    },
  }
}

/** What `app.Hello::handle` is made of. */
export interface HandlerName {
  type: string
  method?: string
}

const handlerPattern =
  /^([\p{L}_$][\p{L}\p{N}_$]*(?:\.[\p{L}_$][\p{L}\p{N}_$]*)*)(?:::([\p{L}_$][\p{L}\p{N}_$]*))?$/u

/** @throws UfrError UFR-CONFIG for a handler of another form. */
export function parseHandler(handler: string, owner: string): HandlerName {
  const match = handlerPattern.exec(handler)
  if (match) return { type: match[1]!, ...(match[2] !== undefined && { method: match[2] }) }
  throw new UfrError(
    'UFR-CONFIG',
    `The handler ${JSON.stringify(handler)} of ${owner} is not of the form package.Class::method`,
    {
      fix: 'Write it as in "app.Hello::handle", or "app.Hello" for a class that implements RequestHandler.',
    },
  )
}

const handlerInterface = /^com\.amazonaws\.services\.lambda\.runtime\.Request(?:Stream)?Handler$/
const maxAncestors = 50
const maxSearched = 500

/**
 * Checks that the class and the method of a handler are among the classes.
 * @throws UfrError UFR-HANDLER naming the nearest there is.
 */
export function checkHandlerClass(classPath: ClassPath, handler: HandlerName, owner: string): ClassFile {
  const found = classPath.find(handler.type)
  if (!found) throw noClass(classPath, handler, owner)
  const { all, complete } = ancestors(classPath, found)
  const implemented = all.some(({ interfaces }) => interfaces.some((each) => handlerInterface.test(each)))
  const method = handler.method ?? 'handleRequest'
  if (implemented && method === 'handleRequest') return found
  if (handler.method === undefined && complete) {
    const methods = callable(all).map((name) => `${handler.type}::${name}`)
    throw new UfrError(
      'UFR-HANDLER',
      `${handler.type} implements neither RequestHandler nor RequestStreamHandler`,
      {
        fix: `Name the method to call, as in "handler": ${JSON.stringify(methods[0] ?? `${handler.type}::handle`)} in ufr.json.`,
      },
    )
  }
  const names = callable(all)
  if (names.includes(method) || !complete) return found
  const near = nearest(method, names) ?? names[0]
  throw new UfrError('UFR-HANDLER', `${handler.type} has no public method ${method}`, {
    ...(near !== undefined && {
      fix: `Did you mean "handler": ${JSON.stringify(`${handler.type}::${near}`)} in ufr.json?`,
    }),
    ...(names.length > 0 && { detail: [`its public methods: ${names.slice(0, 12).join(', ')}`] }),
  })
}

function callable(classes: readonly ClassFile[]): string[] {
  const methods = classes.flatMap((each) => each.methods)
  return [
    ...new Set(
      methods.flatMap(({ name, isPublic, isSynthetic }) =>
        isPublic && !isSynthetic && !name.startsWith('<') ? [name] : [],
      ),
    ),
  ]
}

/** A class and what it inherits from, as far as that is among the classes or the platform's own Object. */
function ancestors(classPath: ClassPath, start: ClassFile): { all: ClassFile[]; complete: boolean } {
  const all = [start]
  let complete = true
  for (const each of all) {
    for (const name of [...(each.superclass === undefined ? [] : [each.superclass]), ...each.interfaces]) {
      if (
        name === 'java.lang.Object' ||
        handlerInterface.test(name) ||
        all.some((known) => known.name === name)
      )
        continue
      const found = all.length < maxAncestors ? classPath.find(name) : undefined
      if (found) all.push(found)
      else complete = false
    }
  }
  return { all, complete }
}

function noClass(classPath: ClassPath, { type, method }: HandlerName, owner: string): UfrError {
  const own = classPath.jars
    .slice(0, 1)
    .flatMap(classNames)
    .filter((name) => !name.includes('$'))
  const simple = type.split('.').at(-1)!
  const near = own.find((name) => name.split('.').at(-1) === simple) ?? nearest(type, own)
  const meant = near === undefined ? undefined : method === undefined ? near : `${near}::${method}`
  return new UfrError('UFR-HANDLER', `The handler class ${type} of ${owner} is not among its classes`, {
    ...(meant !== undefined && { fix: `Did you mean "handler": ${JSON.stringify(meant)} in ufr.json?` }),
    ...(own.length > 0 && {
      detail: [`there are: ${own.slice(0, 8).join(', ')}${own.length > 8 ? ', …' : ''}`],
    }),
  })
}

/** Classes of a jar that are handlers by an interface of AWS's: what its own classes say, not what they inherit. */
export function handlerClasses(jar: Jar, most: number): string[] {
  const names = classNames(jar).filter((name) => !name.startsWith('com.amazonaws.'))
  return classesThat(jar, names.slice(0, most), isHandler)
}

/** Classes of a jar that can be started. */
export function mainClasses(jar: Jar, most: number): string[] {
  return classesThat(jar, classNames(jar).slice(0, most), hasMain)
}

function classesThat(jar: Jar, names: readonly string[], does: (found: ClassFile) => boolean): string[] {
  return readingClasses(jar, (read) =>
    names.filter((name) => {
      const found = read(name)
      return found !== undefined && does(found)
    }),
  )
}

/** Whether a class is a handler by an interface of AWS's: by what it says itself, not what it inherits. */
export function isHandler({ concrete, interfaces }: ClassFile): boolean {
  return concrete && interfaces.some((each) => handlerInterface.test(each))
}

/** Whether a class can be started: `main` as `java` looks for it. */
export function hasMain({ methods }: ClassFile): boolean {
  return methods.some(
    ({ name, descriptor, isStatic }) =>
      name === 'main' && isStatic && descriptor === '([Ljava/lang/String;)V',
  )
}

/**
 * Checks that a Java can run the classes: of each jar one, and those named.
 * @throws UfrError UFR-JAVA-VERSION naming both versions.
 */
export function checkVersions(classPath: ClassPath, major: number, names: readonly string[]): void {
  const sample = classPath.jars.flatMap((jar) => classNames(jar).slice(0, 1))
  for (const name of [...names, ...sample]) {
    const found = classPath.find(name)
    const needed = found ? javaOf(found.version) : 0
    if (needed <= major) continue
    throw new UfrError(
      'UFR-JAVA-VERSION',
      `${name} is compiled for Java ${needed}, and is to run on Java ${major}`,
      {
        fix: `Set "runtime": "java${needed}" in ufr.json, or compile it for Java ${major} (--release ${major}).`,
      },
    )
  }
}

/** The oldest Java that runs a jar, as one of its classes tells. */
export function neededJava(jar: Jar): number {
  const [name] = classNames(jar)
  const found = name === undefined ? undefined : readingClasses(jar, (read) => read(name))
  return found ? javaOf(found.version) : 0
}

const serverClasses = new Set([
  'java.net.ServerSocket',
  'java.nio.channels.ServerSocketChannel',
  'com.sun.net.httpserver.HttpServer',
  'com.sun.net.httpserver.SimpleFileServer',
])

/** Whether a class of the same package as the main one, or below it, opens a server by the platform's classes. */
export function usesServer(jar: Jar): boolean {
  const main = jar.manifest.mainClass ?? ''
  const prefix = main.slice(0, main.lastIndexOf('.') + 1)
  const names = classNames(jar).filter((name) => name.startsWith(prefix))
  return classesThat(jar, names.slice(0, maxSearched), opensServer).length > 0
}

/** Whether a class names one of the platform's servers. */
export function opensServer({ references }: ClassFile): boolean {
  return references.some((each) => serverClasses.has(each))
}
