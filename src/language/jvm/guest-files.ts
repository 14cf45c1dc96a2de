import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createFolderAtomic } from '../../base/atomic.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { digestOf } from '../../image/digest.ts'
import { writeZip } from '../../image/formats/zip/writer.ts'
import { type Jdk, jdkTools, runJava } from '../../kernel/java/jdk.ts'

/** The guest's side of a handler: a jar of ours, by its path in the guest without the leading slash. */
export const serverJar = 'opt/ufr/handler.jar'
/** AWS's interfaces, for functions that do not bring them: the last on the class path, so that a function's own count. */
export const interfacesJar = 'opt/ufr/aws.jar'
export const serverClass = 'ufr.guest.Server'

/** The sources of what runs in the guest: beside this file, and the same way up from where it is compiled to. */
const sources = fileURLToPath(new URL('./guest', import.meta.url))
/** Every Java that is supported reads classes of this one. */
const release = '17'

/** Java's files below a folder, in order. */
function javaFiles(folder: string): string[] {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.java')).sort()
}

/** Names what is compiled for the guest. */
export function guestKey(): string {
  return digestOf(
    ...javaFiles(sources).flatMap((name) => [name, fs.readFileSync(path.join(sources, name), 'utf8')]),
  )
}

/** The jars of ours that a guest has, on the host. */
export interface GuestJars {
  server: string
  interfaces: string
}

/** What runs in the guest, compiled by this JDK; kept for the next time. */
export async function ensureGuestJars(jdk: Jdk, progress: Progress): Promise<GuestJars> {
  const folder = homePath('jvm', 'guest', digestOf(jdk.key, guestKey()))
  const file = (jar: string) => path.join(folder, path.basename(jar))
  const found = { server: file(serverJar), interfaces: file(interfacesJar) }
  if (fs.existsSync(folder)) return found
  progress.step(`Compiling the guest's side of Java handlers`)
  await createFolderAtomic(folder, async (made) => {
    const [interfaces, server] = ['aws', 'server'].map((name) => path.join(made, name))
    await compile(jdk, 'aws', interfaces!, [])
    await compile(jdk, 'server', server!, ['-cp', interfaces!])
    fs.writeFileSync(path.join(made, path.basename(serverJar)), jarOf(server!))
    fs.writeFileSync(path.join(made, path.basename(interfacesJar)), jarOf(interfaces!))
    for (const each of [interfaces!, server!]) fs.rmSync(each, { recursive: true })
  })
  return found
}

/** Concatenating strings by `invokedynamic` would load 200 classes at the first one. */
const options = [
  '--release',
  release,
  '-XDstringConcat=inline',
  '-g:source,lines',
  '-proc:none',
  '-parameters',
]

async function compile(jdk: Jdk, name: string, target: string, more: string[]): Promise<void> {
  const folder = path.join(sources, name)
  const files = javaFiles(folder).map((file) => path.join(folder, file))
  await runJava(jdk, ['-m', jdkTools.javac, ...options, ...more, '-d', target, ...files])
}

/** A jar of a folder's files, the same for the same files. */
export function jarOf(folder: string): Buffer {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
  return writeZip(files.sort().map((file) => [path.relative(folder, file), fs.readFileSync(file)]))
}
