import fs from 'node:fs'
import { writeFileAtomic } from '../../base/atomic.ts'
import { homePath } from '../../base/paths.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { digestOf, freezeTree } from '../../image/digest.ts'
import { folderTree } from '../../image/folder/folder.ts'
import { Tree } from '../../image/tree.ts'
import type { Program } from '../../language/program.ts'

/** What a function came to while it was run once for that. Paths of the guest are absolute. */
export interface Observation {
  schemaVersion: 1
  /** Digest over what was observed, see `sourcesKey`: of anything else it says nothing. */
  key: string
  function: string
  folder: string
  /** ISO 8601. */
  at: string
  /** What the function was asked, for people. */
  events: string[]
  /** Whether all of that was answered, and the guest told all that it saw. */
  complete: boolean
  /** Files that were opened or run. */
  opened: string[]
  /** Files that were asked about and not opened, and folders that were asked for in any way. */
  looked: string[]
  /** Folders of which the function asked what is in them. */
  listed: string[]
  /** Files that the image would lack: where they are on the host. */
  added: AddedFile[]
  /** Files that it asked for in vain although the host has them, and why they were not added. */
  refused: RefusedFile[]
  /** Whether images are to have only what was observed, and a safe set. */
  shrink: boolean
}

export interface AddedFile {
  path: string
  /** On the host. */
  from: string
  bytes: number
  /** How it came to be added. */
  why: string
}

export interface RefusedFile {
  path: string
  why: string
}

const mostBytes = 64 << 20

function observationFile(folder: string): string {
  return homePath('observations', `${digestOf(folder).slice(0, 32)}.json`)
}

/** Whether anything was ever observed of a folder: costs one look at the disk. */
export function isObserved(folder: string): boolean {
  return fs.existsSync(observationFile(folder))
}

/** What was last observed of a folder; a record that cannot be read is none: observing again makes it anew. */
export function readObservation(folder: string): Observation | undefined {
  const file = observationFile(folder)
  try {
    if (fs.statSync(file).size > mostBytes) return undefined
    const value: unknown = JSON.parse(fs.readFileSync(file, 'utf8'))
    return isObservation(value) && value.folder === folder ? value : undefined
  } catch {
    return undefined
  }
}

function isObservation(value: unknown): value is Observation {
  const record = (value ?? {}) as Partial<Observation>
  const lists = [record.opened, record.looked, record.listed, record.events]
  return (
    record.schemaVersion === 1 &&
    [record.key, record.folder, record.at].every((text) => typeof text === 'string') &&
    lists.every((list) => Array.isArray(list) && list.every((each) => typeof each === 'string')) &&
    Array.isArray(record.refused) &&
    Array.isArray(record.added) &&
    record.added.every((each) => typeof each?.path === 'string' && typeof each.from === 'string')
  )
}

/** @throws UfrError UFR-DATA where it cannot be written. */
export function writeObservation(observation: Observation): void {
  writeFileAtomic(observationFile(observation.folder), `${JSON.stringify(observation, null, 1)}\n`)
}

/** @returns whether there was one. */
export function forgetObservation(folder: string): boolean {
  const there = isObserved(folder)
  fs.rmSync(observationFile(folder), { force: true })
  return there
}

/** All files of the function's folder but those that .ufrignore names, whatever `files` takes of them. */
export function folderFiles(spec: FunctionSpec): Tree {
  return spec.root && spec.files.length === 0 ? new Tree() : folderTree(spec.folder, [])
}

/** Names what an observation is about: the sources, what they run on, and how they are started. */
export function sourcesKey(spec: FunctionSpec, program: Program, files: Tree): string {
  const { base, executable, argv, environment, workingDirectory } = program
  const start = JSON.stringify([executable, argv, environment, workingDirectory, spec.files])
  return digestOf('observation-1', spec.name, base.key, start, freezeTree(files).digest)
}
