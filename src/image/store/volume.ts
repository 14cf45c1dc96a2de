import fs from 'node:fs'
import path from 'node:path'
import { dataError } from '../../base/atomic.ts'
import { bootId } from '../../base/host-cache.ts'
import { homePath } from '../../base/paths.ts'
import { contentBytesOf, type Layout } from '../layout.ts'
import { writeLayout } from '../write.ts'

/** A file system or archive of an image, as it would be written. */
export interface VolumePlan {
  /** sha256 over everything that decides the volume's bytes: the same key always stands for the same bytes. */
  key: string
  /** For people: `node 24.21.0`. */
  title: string
  layout(): Layout
}

/** A volume in the store: shared by all images that have the same. */
export interface Volume {
  key: string
  title: string
  file: string
  /** What it holds; the file may be larger, with holes. */
  bytes: number
  /** Whether it was there already. */
  cached: boolean
}

const folder = 'volumes'

/**
 * Takes a volume from the store, or writes it there. Nothing waits for the disk, which would take longer than all else:
 * after a crash of the host a volume can have its name and its size, and zeros in it. So it is good only until the host
 * is booted again, and then written anew.
 * @throws UfrError UFR-DATA where the disk is full or cannot be written.
 */
export async function ensureVolume(plan: VolumePlan): Promise<Volume> {
  const file = homePath(folder, `${plan.key}.img`)
  const note = homePath(folder, `${plan.key}.json`)
  const there = fs.statSync(file, { throwIfNoEntry: false })
  const known = there && readNote(note)
  const boot = bootId()
  if (known && known.size === there.size && known.boot === boot)
    return { key: plan.key, title: plan.title, file, bytes: known.bytes, cached: true }
  const layout = plan.layout()
  const bytes = contentBytesOf(layout)
  await writeLayout(file, layout)
  writeNote(note, { size: layout.size, bytes, boot })
  return { key: plan.key, title: plan.title, file, bytes, cached: false }
}

/** What is noted of a volume beside it. */
interface Note {
  /** Of the file, holes included. */
  size: number
  bytes: number
  /** The boot of the host in which it was written. */
  boot: string
}

function readNote(file: string): Note | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** A note that is read half written is none: no need for a file beside it. */
function writeNote(file: string, note: Note): void {
  try {
    fs.writeFileSync(file, JSON.stringify(note))
  } catch (error) {
    throw dataError(error, path.dirname(file))
  }
}

/** Removes all volumes but those named. @returns how many bytes of the disk are free again. */
export function sweepVolumes(keep: ReadonlySet<string>): number {
  let freed = 0
  for (const name of fs.existsSync(homePath(folder)) ? fs.readdirSync(homePath(folder)) : []) {
    if (!/^[0-9a-f]{64}\./.test(name) || keep.has(name.slice(0, 64))) continue
    const file = homePath(folder, name)
    // Holes take no room: blocks say what a file really takes.
    freed += (fs.statSync(file, { throwIfNoEntry: false })?.blocks ?? 0) * 512
    fs.rmSync(file, { force: true })
  }
  return freed
}

/** Removes volumes, those that some image of the store has excepted. */
export function dropVolumes(keys: readonly string[], needed: ReadonlySet<string>): void {
  for (const key of keys) {
    if (needed.has(key)) continue
    for (const ending of ['img', 'json']) fs.rmSync(homePath(folder, `${key}.${ending}`), { force: true })
  }
}
