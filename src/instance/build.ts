import type { FunctionSpec } from '../function/spec.ts'
import { digestOf } from '../image/digest.ts'
import { type ImageRecord, noteImage } from '../image/store/record.ts'
import { ensureVolume, type Volume } from '../image/store/volume.ts'
import type { Program } from '../language/program.ts'
import type { ImagePlan, Unikernel } from '../unikernel/unikernel.ts'

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

/** The digest that an image of this plan has, built or not. */
export function digestOfPlan({ name, kernel }: Unikernel, { volumes, settings }: ImagePlan): string {
  const parts = Object.entries(volumes).flatMap(([role, { key }]) => [role, key])
  return digestOf('image', name, kernel.digest, ...parts, ...settings)
}

/**
 * Builds what is missing of an image: base, function and what else the unikernel wants are volumes of their own, so
 * that a changed function costs its own size and not the runtime's.
 * @param startedAt `performance.now()` at the first look at the sources.
 * @param kept whether the store is to keep it, so that people see it there.
 * @throws UfrError UFR-DATA where the disk is full, UFR-FILE-CHANGED, UFR-TREE, UFR-IMAGE-LIMIT.
 */
export async function buildImage(
  spec: FunctionSpec,
  program: Program,
  unikernel: Unikernel,
  startedAt: number,
  kept = true,
): Promise<Image> {
  const plan = unikernel.plan(program)
  const volumes: Record<string, Volume> = {}
  for (const [role, volume] of Object.entries(plan.volumes)) volumes[role] = await ensureVolume(volume)
  const listed = Object.entries(volumes).map(([role, { key, title, bytes }]) => ({ role, key, title, bytes }))
  const { kernel } = unikernel
  const record: ImageRecord = {
    schemaVersion: 1,
    digest: digestOfPlan(unikernel, plan),
    function: spec.name,
    source: spec.folder,
    unikernel: unikernel.name,
    kernel: { version: kernel.version, digest: kernel.digest },
    volumes: listed,
    builtAt: new Date().toISOString(),
  }
  if (kept) noteImage(record)
  const buildMs = Math.round((performance.now() - startedAt) * 100) / 100
  const bytes = listed.reduce((sum, volume) => sum + volume.bytes, 0)
  return { record, volumes, bytes, buildMs, cached: Object.values(volumes).every((volume) => volume.cached) }
}
