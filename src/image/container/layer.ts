import fs from 'node:fs'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import type { ByteSource } from '../source.ts'
import { checkDigest, type Layer } from './image.ts'
import { noteSha256, type Place, placeSha256, placeSource } from './place.ts'
import { packingOf, type UnpackLimits, unpack, unpackLimits } from './unpack.ts'

/** Larger ones take long enough to be told of. */
const toldBytes = 64 << 20

/** Where an unpacked layer is kept, by its content. */
export function layerFile(diffId: string): string {
  return homePath('containers', 'layers', `${diffId}.tar`)
}

/**
 * A layer as an archive of tar that was verified: where it lies, or unpacked into UFR_HOME once for all images that
 * have it.
 * @throws UfrError UFR-CHECKSUM where blob or layer is not what the image says, UFR-FORMAT, UFR-CONTAINER, UFR-DATA.
 */
export async function layerSource(
  layer: Layer,
  progress: Progress,
  limits: UnpackLimits = unpackLimits,
): Promise<ByteSource> {
  const { diffId, shown } = layer
  const kept = await keptLayer(diffId)
  if (kept) return placeSource(kept)
  const place = await layer.place()
  const packing = packingOf(place, shown)
  if (packing === undefined) {
    // What was hashed is what is read: the source notices a file that changes from here on.
    const source = placeSource(place)
    if (place.size > toldBytes) progress.step(`Checking ${shown}`)
    checkDigest(shown, diffId, await placeSha256(place))
    progress.done()
    return source
  }
  progress.step(`Unpacking ${shown}`)
  try {
    if (layer.packed !== undefined) checkDigest(shown, layer.packed, await placeSha256(place))
    const check = (sum: string) => checkDigest(`${shown}, unpacked,`, diffId, sum)
    await unpack(place, packing, layerFile(diffId), shown, check, limits)
  } finally {
    progress.done()
  }
  const unpacked = wholeFile(layerFile(diffId))
  noteSha256(unpacked, diffId)
  layer.release?.()
  return placeSource(unpacked)
}

/** An unpacked layer that is there and is what it should be. */
async function keptLayer(diffId: string): Promise<Place | undefined> {
  const file = layerFile(diffId)
  if (!fs.existsSync(file)) return undefined
  const place = wholeFile(file)
  if ((await placeSha256(place)) === diffId) return place
  fs.rmSync(file, { force: true })
  return undefined
}

function wholeFile(file: string): Place {
  return { file, offset: 0, size: fs.statSync(file).size }
}
