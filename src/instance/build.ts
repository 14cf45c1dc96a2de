import type { FunctionSpec } from '../function/spec.ts'
import { digestOf } from '../image/digest.ts'
import { type ImageRecord, noteImage } from '../image/store/record.ts'
import { ensureVolume, type Volume } from '../image/store/volume.ts'
import type { Program } from '../language/program.ts'
import type { Unikernel } from '../unikernel/unikernel.ts'

/** An image in the store, ready to boot. */
export interface Image {
  record: ImageRecord
  volumes: Record<string, Volume>
  bytes: number
  /** From the first look at the sources to the last rename. */
  buildMs: number
  /** Whether nothing had to be written. */
  cached: boolean
}

/**
 * Builds what is missing of an image: base, function and what else the unikernel wants are volumes of their own, so
 * that a changed function costs its own size and not the runtime's.
 * @param startedAt `performance.now()` at the first look at the sources.
 * @throws UfrError UFR-DATA where the disk is full, UFR-FILE-CHANGED, UFR-TREE, UFR-IMAGE-LIMIT.
 */
export async function buildImage(
  spec: FunctionSpec,
  program: Program,
  unikernel: Unikernel,
  startedAt: number,
): Promise<Image> {
  const plan = unikernel.plan(program)
  const volumes: Record<string, Volume> = {}
  for (const [role, volume] of Object.entries(plan.volumes)) volumes[role] = await ensureVolume(volume)
  const listed = Object.entries(volumes).map(([role, { key, title, bytes }]) => ({ role, key, title, bytes }))
  const parts = listed.flatMap(({ role, key }) => [role, key])
  const { kernel } = unikernel
  const record: ImageRecord = {
    schemaVersion: 1,
    digest: digestOf('image', unikernel.name, kernel.digest, ...parts, ...plan.settings),
    function: spec.name,
    unikernel: unikernel.name,
    kernel: { version: kernel.version, digest: kernel.digest },
    volumes: listed,
    builtAt: new Date().toISOString(),
  }
  noteImage(record)
  const buildMs = Math.round((performance.now() - startedAt) * 100) / 100
  const bytes = listed.reduce((sum, volume) => sum + volume.bytes, 0)
  return { record, volumes, bytes, buildMs, cached: Object.values(volumes).every((volume) => volume.cached) }
}
