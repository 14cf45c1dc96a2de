import fs from 'node:fs'
import path from 'node:path'
import { writeZip } from '../../src/image/formats/zip/writer.ts'
import { versionOf } from '../../src/language/jvm/class-file.ts'

export interface ClassShape {
  /** Such as `app.Main`. */
  name: string
  /** The Java it is for. Default: 17. */
  java?: number
  superclass?: string
  interfaces?: readonly string[]
  /** Public methods by name and descriptor; those with a `main` are static. */
  methods?: readonly (readonly [name: string, descriptor: string])[]
  /** Classes that its code names. */
  references?: readonly string[]
}

export const mainMethod = ['main', '([Ljava/lang/String;)V'] as const
export const requestHandler = 'com.amazonaws.services.lambda.runtime.RequestHandler'

/** A class file as a compiler writes the least of it (Java Virtual Machine Specification, chapter 4): it has no code. */
export function classFile(shape: ClassShape): Buffer {
  const {
    name,
    java = 17,
    superclass = 'java.lang.Object',
    interfaces = [],
    methods = [],
    references = [],
  } = shape
  const pool: Buffer[] = []
  const known = new Map<string, number>()
  const constant = (key: string, bytes: () => Buffer) => {
    const found = known.get(key)
    if (found !== undefined) return found
    const made = bytes()
    pool.push(made)
    known.set(key, pool.length)
    return pool.length
  }
  const utf8 = (text: string) =>
    constant(`u${text}`, () =>
      Buffer.concat([Buffer.from([1]), short(Buffer.byteLength(text)), Buffer.from(text)]),
    )
  const type = (each: string) => {
    const index = utf8(each.replaceAll('.', '/'))
    return constant(`c${each}`, () => Buffer.concat([Buffer.from([7]), short(index)]))
  }
  for (const each of references) type(each)
  const body = [short(0x21), short(type(name)), short(type(superclass)), short(interfaces.length)]
  for (const each of interfaces) body.push(short(type(each)))
  body.push(short(0), short(methods.length))
  for (const [method, descriptor] of methods) {
    const flags = method === 'main' ? 0x0009 : 0x0001
    body.push(short(flags), short(utf8(method)), short(utf8(descriptor)), short(0))
  }
  body.push(short(0))
  const head = [Buffer.from('cafebabe0000', 'hex'), short(versionOf(java)), short(pool.length + 1)]
  return Buffer.concat([...head, ...pool, ...body])
}

function short(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

/** A jar of classes and further files. */
export function jar(
  classes: readonly ClassShape[],
  manifest?: string,
  more: Record<string, string> = {},
): Buffer {
  const files: [string, Uint8Array][] = classes.map((each) => [
    `${each.name.replaceAll('.', '/')}.class`,
    classFile(each),
  ])
  for (const [name, text] of Object.entries(more)) files.push([name, Buffer.from(text)])
  if (manifest !== undefined)
    files.unshift(['META-INF/MANIFEST.MF', Buffer.from(`Manifest-Version: 1.0\n${manifest}\n`)])
  return writeZip(files)
}

/** Puts files into a folder. */
export function place(folder: string, files: Record<string, string | Uint8Array>): string {
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), content)
    if (typeof content === 'string' && content.startsWith('#!')) fs.chmodSync(path.join(folder, name), 0o755)
  }
  return folder
}
