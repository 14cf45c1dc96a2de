/**
 * What a Java or Kotlin source file seems to declare, by its text: good enough to guess what a folder is for when
 * nobody says so. Nothing is compiled, and nothing depends on a guess that ufr.json cannot overrule.
 */
export interface JvmSource {
  /** Handlers as `package.Class::method`, the most likely first. */
  handlers: string[]
  /** The class with a `main`, if there is one. */
  main?: string
  /** Whether it opens a server. */
  server: boolean
}

const maxText = 512 * 1024
const methodNames = ['handler', 'handleRequest', 'handle']

/** @param name the file's own name: Kotlin's functions outside of classes are in a class named after it. */
export function readSource(name: string, text: string): JvmSource {
  const code = withoutComments(text.slice(0, maxText))
  const server = opensServer(code)
  const prefix = /^\s*package\s+([\w.]+)/m.exec(code)?.[1]
  const full = (type: string) => (prefix === undefined ? type : `${prefix}.${type}`)
  const found = name.endsWith('.kt') ? kotlin(name, code) : java(name, code)
  const main = found.main
  return {
    handlers: found.handlers.map(([type, method]) => `${full(type)}::${method}`),
    ...(main !== undefined && { main: full(main) }),
    server,
  }
}

interface Found {
  handlers: [type: string, method: string][]
  main?: string
}

function java(name: string, code: string): Found {
  const type = name.slice(0, -'.java'.length)
  const handlers: [string, string][] = []
  const declared = new RegExp(`\\b(?:class|record)\\s+${escaped(type)}\\b([^{]{0,500})\\{`).exec(code)
  if (declared && /\bRequest(?:Stream)?Handler\b/.test(declared[1]!)) handlers.push([type, 'handleRequest'])
  else if (declared) {
    for (const method of methodNames) {
      if (new RegExp(`\\bpublic\\s+[\\w<>\\[\\],.?\\s]{1,200}\\s${method}\\s*\\(`).test(code))
        handlers.push([type, method])
    }
  }
  const hasMain = /\bstatic\s+void\s+main\s*\(/.test(code)
  return { handlers, ...(hasMain && { main: type }) }
}

function kotlin(name: string, code: string): Found {
  const facade = facadeOf(name, code)
  const handlers: [string, string][] = []
  for (const [, type, rest] of code.matchAll(/\b(?:class|object)\s+(\w+)([^{}]{0,500}?)(?=\{|\n\s*\n|$)/g)) {
    if (/\bRequest(?:Stream)?Handler\b/.test(rest!)) handlers.push([type!, 'handleRequest'])
  }
  // Outside of all classes: at the very beginning of a line, as code is usually laid out.
  for (const method of methodNames) {
    if (new RegExp(`^(?:public\\s+)?fun\\s+${method}\\s*\\(`, 'm').test(code)) handlers.push([facade, method])
  }
  const hasMain = /^(?:suspend\s+)?fun\s+main\s*\(/m.test(code)
  return { handlers, ...(hasMain && { main: facade }) }
}

/** The class that Kotlin puts a file's functions into. */
function facadeOf(name: string, code: string): string {
  const named = /@file:\s*JvmName\s*\(\s*"(\w+)"\s*\)/.exec(code)?.[1]
  if (named !== undefined) return named
  const base = name.slice(0, -'.kt'.length).replace(/[^\w]/g, '_')
  return `${base.charAt(0).toUpperCase()}${base.slice(1)}Kt`
}

/** By the classes of the platform, and by what frameworks call it. */
function opensServer(code: string): boolean {
  const classes = /\b(?:ServerSocket|ServerSocketChannel|HttpServer|Undertow|Javalin|SpringBootApplication)\b/
  const calls =
    /\b(?:embeddedServer|runApplication|SpringApplication\.run|asServer|createHttpServer)\s*[(<]|\.listen\s*\(/
  return classes.test(code) || calls.test(code)
}

function withoutComments(text: string): string {
  return text.replace(/^[ \t]*\/\/.*$/gm, '').replace(/^[ \t]*\/\*[\s\S]*?(?:\*\/|(?![\s\S]))/gm, '')
}

function escaped(text: string): string {
  return text.replace(/[^\w]/g, '\\$&')
}
