import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { elfType, readElf } from '../image/formats/elf/elf.ts'
import { isElf } from '../image/formats/elf/elf-names.ts'
import { type ByteSource, fileSource } from '../image/source.ts'
import type { Shape } from './spec.ts'

/** What a folder's files say about the function in it. */
export interface Detected {
  runtime: string
  shape: Shape
  handler?: string
  command?: string
}

/** Recognises the functions of one language. */
export interface Detector {
  /** See runtimeFamily: asked only where ufr.json names no runtime of another family. */
  family: string
  /** For people, after "looked for". */
  looksFor: string
  detect(folder: string): Detected | undefined
}

/** A program for AWS's Runtime API goes by this name, there and here. */
export const bootstrapName = 'bootstrap'

const maxPrograms = 20

/** Not by `using`: Node.js 22 does not know it when it runs this from the sources. */
function withSource<T>(file: string, read: (source: ByteSource) => T): T {
  const source = fileSource(file)
  try {
    return read(source)
  } finally {
    source[Symbol.dispose]()
  }
}

function firstBytes(file: string): Uint8Array {
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  if (!stat?.isFile()) return new Uint8Array()
  return withSource(file, (source) => source.read(0, Math.min(source.size, 4)))
}

/** Whether a file is an ELF file of any kind. */
export function isElfFile(file: string): boolean {
  return isElf(firstBytes(file))
}

function isScript(file: string): boolean {
  const [first, second] = firstBytes(file)
  return first === 0x23 && second === 0x21
}

/** Whether it is an ELF file that can be started: no shared library, no object file. */
function isProgram(file: string): boolean {
  if (/\.so(\.|$)|\.node$/.test(path.basename(file)) || !isElfFile(file)) return false
  try {
    const elf = withSource(file, readElf)
    return elf.type === elfType.executable || elf.pie
  } catch (error) {
    // A truncated program is a program: the language names what is wrong with it.
    if (error instanceof UfrError) return true
    throw error
  }
}

/** An ELF program `bootstrap` that gets its events from the Runtime API. */
export const bootstrapDetector: Detector = {
  family: 'provided',
  looksFor: `a program ${bootstrapName} for the Runtime API`,
  detect(folder) {
    return isProgram(path.join(folder, bootstrapName))
      ? { runtime: 'provided.al2023', shape: 'handler', command: bootstrapName }
      : undefined
  },
}

/** The one ELF program at the top of the folder. */
export const nativeDetector: Detector = {
  family: 'native',
  looksFor: 'exactly one ELF program',
  /** @throws UfrError UFR-DETECT where there are several. */
  detect(folder) {
    const programs = fs
      .readdirSync(folder)
      .sort()
      .filter((name) => isProgram(path.join(folder, name)))
    if (programs.length > 1) {
      const more = programs.length > maxPrograms ? ', …' : ''
      const names = programs.slice(0, maxPrograms).join(', ') + more
      throw new UfrError('UFR-DETECT', `${folder} has several programs: ${names}`, {
        fix: `Say in ufr.json which one it is: { "runtime": "native", "command": ${JSON.stringify(programs[0])} }`,
      })
    }
    const [command] = programs
    return command === undefined ? undefined : { runtime: 'native', shape: 'program', command }
  },
}

const languageOfEnding: Record<string, string> = {
  '.mjs': 'nodejs',
  '.js': 'nodejs',
  '.cjs': 'nodejs',
  '.py': 'python3.13',
  '.jar': 'java',
  '.java': 'java',
  '.kt': 'java',
}

/** The runtime that a handler or command which ufr.json names is written for, by the file it is in. */
export function runtimeOfFile(
  folder: string,
  named: { handler?: string; command?: string },
): string | undefined {
  const { handler, command } = named
  if (command !== undefined) {
    const file = path.resolve(folder, command)
    const known = languageOfEnding[path.extname(command)]
    if (known !== undefined && fs.existsSync(file)) return known
    return isProgram(file) || isScript(file) ? 'native' : undefined
  }
  // Only Java's handlers are written as app.Hello::handle.
  if (handler?.includes('::')) return 'java'
  if (handler === undefined || !handler.includes('.')) return undefined
  const file = handler.slice(0, handler.lastIndexOf('.'))
  const ending = Object.keys(languageOfEnding).find((e) => isFileInside(folder, `${file}${e}`))
  return ending === undefined ? undefined : languageOfEnding[ending]
}

function isFileInside(folder: string, file: string): boolean {
  const found = path.join(folder, file)
  return found.startsWith(folder) && fs.statSync(found, { throwIfNoEntry: false })?.isFile() === true
}

/**
 * What the first detector that recognises the folder says.
 * @param family asks only the detectors of that family.
 */
export function detect(
  folder: string,
  detectors: readonly Detector[],
  family?: string,
): Detected | undefined {
  for (const detector of detectors) {
    if (family !== undefined && detector.family !== family) continue
    const found = detector.detect(folder)
    if (found) return found
  }
  return undefined
}

/** The error for a folder that no detector recognises. */
export function nothingDetected(folder: string, detectors: readonly Detector[]): UfrError {
  const looked = detectors.map((detector) => detector.looksFor).join('; ')
  const names = fs.readdirSync(folder).sort()
  const has =
    names.length === 0
      ? 'it is empty'
      : `it has ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', …' : ''}`
  return new UfrError('UFR-DETECT', `${folder} has no function that ufr recognises: ${has}`, {
    detail: [`looked for: ${looked}`, ...scriptHint(folder)],
    fix: 'Say in ufr.json what it is, such as { "runtime": "nodejs", "handler": "index.handler" } (docs/ufr-json.md), or start from an example: `ufr init --example hello-node`.',
  })
}

function scriptHint(folder: string): string[] {
  const file = path.join(folder, bootstrapName)
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile() || isElfFile(file)) return []
  return [`${bootstrapName} is there, but it is no ELF program`]
}
