import { UfrError } from '../../base/errors.ts'

/** What is read of a class file (Java Virtual Machine Specification, chapter 4). */
export interface ClassFile {
  /** Major version of the format: 61 for Java 17. */
  version: number
  /** As in source code, but for `$` before the names of inner classes: `app.Hello`. */
  name: string
  superclass: string | undefined
  interfaces: string[]
  /** Neither an interface nor abstract. */
  concrete: boolean
  isPublic: boolean
  methods: ClassMethod[]
  /** Names of the classes that its code and its methods' types name, arrays by what they hold. */
  references: string[]
}

export interface ClassMethod {
  name: string
  /** Such as `([Ljava/lang/String;)V`. */
  descriptor: string
  isPublic: boolean
  isStatic: boolean
  /** Made by a compiler: bridges and the like. */
  isSynthetic: boolean
}

const magic = 0xcafebabe
const accPublic = 0x0001
const accStatic = 0x0008
const accInterface = 0x0200
const accAbstract = 0x0400
const accSynthetic = 0x1000
/** Table 4.4-A; how many bytes follow each tag, but for Utf8 (1), which tells by itself. */
const constantBytes: Record<number, number> = {
  ...{ 3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4 },
  ...{ 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2 },
}
const utf8Tag = 1
const classTag = 7

/** The Java that a version of the class-file format came with. */
export function javaOf(version: number): number {
  return version - 44
}

/** The version of the class-file format that a Java takes at most. */
export function versionOf(java: number): number {
  return java + 44
}

/**
 * Reads a class file's outside.
 * @throws UfrError UFR-FORMAT for anything else.
 */
export function readClass(bytes: Uint8Array): ClassFile {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    return read(view)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw corrupt('it is truncated')
  }
}

function read(bytes: Buffer): ClassFile {
  if (bytes.readUInt32BE(0) !== magic) throw corrupt('it does not begin as one')
  const version = bytes.readUInt16BE(6)
  const pool = readPool(bytes)
  let at = pool.end
  const next = () => {
    const value = bytes.readUInt16BE(at)
    at += 2
    return value
  }
  const access = next()
  const name = pool.className(next())
  const above = next()
  const superclass = above === 0 ? undefined : pool.className(above)
  const interfaces = Array.from({ length: next() }, () => pool.className(next()))
  const skipAttributes = () => {
    for (let n = next(); n > 0; n--) {
      at += 2
      at += 4 + bytes.readUInt32BE(at)
    }
  }
  for (let n = next(); n > 0; n--) {
    at += 6
    skipAttributes()
  }
  const methods: ClassMethod[] = []
  for (let n = next(); n > 0; n--) {
    const flags = next()
    methods.push({
      ...{ name: pool.text(next()), descriptor: pool.text(next()) },
      isPublic: (flags & accPublic) !== 0,
      isStatic: (flags & accStatic) !== 0,
      isSynthetic: (flags & accSynthetic) !== 0,
    })
    skipAttributes()
  }
  return {
    ...{ version, name, superclass, interfaces, methods },
    concrete: (access & (accInterface | accAbstract)) === 0,
    isPublic: (access & accPublic) !== 0,
    references: [
      ...new Set([...pool.classNames(), ...methods.flatMap(({ descriptor }) => typesOf(descriptor))]),
    ],
  }
}

/** The classes in a method's type (4.3.3). */
function typesOf(descriptor: string): string[] {
  return [...descriptor.matchAll(/L([^;]*);/g)].map(([, name]) => name!.replaceAll('/', '.'))
}

interface Pool {
  /** Where the constant pool ends. */
  end: number
  text(index: number): string
  className(index: number): string
  classNames(): string[]
}

function readPool(bytes: Buffer): Pool {
  const count = bytes.readUInt16BE(8)
  /** Where each constant begins, with its tag. */
  const places = new Int32Array(count)
  const classes: number[] = []
  let at = 10
  for (let i = 1; i < count; i++) {
    const tag = bytes.readUInt8(at)
    const length = tag === utf8Tag ? 2 + bytes.readUInt16BE(at + 1) : constantBytes[tag]
    if (length === undefined) throw corrupt(`a constant of kind ${tag}`)
    places[i] = at
    if (tag === classTag) classes.push(i)
    at += 1 + length
    // Long and double take two places (4.4.5).
    if (tag === 5 || tag === 6) i++
  }
  const place = (index: number, tag: number) => {
    const found = places[index]
    if (!found || bytes[found] !== tag) throw corrupt('a constant that is not there')
    return found
  }
  function text(index: number): string {
    const from = place(index, utf8Tag)
    const length = bytes.readUInt16BE(from + 1)
    if (from + 3 + length > bytes.length) throw corrupt('it is truncated')
    // Modified UTF-8 (4.4.7) differs in NUL and what is beyond the basic plane: names that nobody gives.
    return bytes.toString('utf8', from + 3, from + 3 + length)
  }
  const className = (index: number) =>
    text(bytes.readUInt16BE(place(index, classTag) + 1)).replaceAll('/', '.')
  function classNames(): string[] {
    const names = new Set<string>()
    for (const index of classes) {
      const name = className(index).replace(/^\[+(?:L(.*);|.)$/, '$1')
      if (name !== '') names.add(name)
    }
    return [...names]
  }
  return { end: at, text, className, classNames }
}

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a class file that can be read: ${what}`)
}
