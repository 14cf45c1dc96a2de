import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../../base/errors.ts'
import type { Progress } from '../../../base/progress.ts'
import { archiveFiles, folderFiles, isTar } from '../../../image/container/files.ts'
import { type ContainerImage, imageIn } from '../../../image/container/image.ts'
import { withSource } from '../../../image/source.ts'
import type { FunctionConfig } from '../../schema.ts'
import type { FunctionSpec } from '../../spec.ts'
import { wrongConfig } from '../../together.ts'
import type { Foreign, ForeignKind, Found, Overrides } from '../foreign.ts'
import { isRegistryWord, registryImage } from './registry.ts'
import { containerSpec } from './spec.ts'

/** Container images: a layout of OCI, an archive of `docker save`, or `oci://` and `docker://` for a registry. */
export const containerKind: ForeignKind = {
  name: 'container',
  looksFor: 'a container image (a docker save archive, a folder with oci-layout, oci://REGISTRY/NAME:TAG)',
  recognise(input) {
    if (isRegistryWord(input)) {
      const place = { title: `the container image ${input}`, folder: process.cwd(), name: input }
      return found(place, (progress) => registryImage(input, progress))
    }
    const stat = fs.statSync(input, { throwIfNoEntry: false })
    const file = path.resolve(input)
    if (stat?.isDirectory()) {
      if (!fs.existsSync(path.join(input, 'oci-layout'))) return undefined
      const place = { title: `an OCI image layout (${input})`, folder: file, name: '.' }
      return found(place, () => imageIn(folderFiles(input)))
    }
    if (!stat?.isFile()) return undefined
    if (/\.(?:tar\.(?:gz|zst|xz|bz2)|tgz|tzst|txz)$/i.test(input)) throw packed(input)
    if (!isTar(input)) return undefined
    const place = {
      title: `a container image (${input})`,
      folder: path.dirname(file),
      name: path.basename(file),
    }
    return found(place, () => imageIn(archiveFiles(input)))
  },
}

interface Given {
  title: string
  /** Where a ufr.json of it would be, and how it would name the image. */
  folder: string
  name: string
}

function found({ title, folder, name }: Given, open: (progress: Progress) => Promise<ContainerImage>): Found {
  return {
    title,
    async load(overrides, progress): Promise<Foreign> {
      const spec = await containerSpec(await open(progress), folder, overrides, progress)
      return { spec, config: configOf(spec, name, overrides), lost: [] }
    },
  }
}

/**
 * The image that a folder's ufr.json names.
 * @throws UfrError UFR-CONFIG where there is none.
 */
export function imageFound(folder: string, image: string): Found {
  const input = isRegistryWord(image) ? image : path.resolve(folder, image)
  const there = containerKind.recognise(input)
  if (there) return there
  throw wrongConfig(
    folder,
    `image is ${JSON.stringify(image)}, and there is no container image`,
    'Correct its path or name.',
  )
}

/** It names the image, and says only what the image does not: all else stays with the image. */
function configOf({ name }: FunctionSpec, image: string, { command, port }: Overrides): FunctionConfig {
  return { name, image, ...(command !== undefined && { command }), ...(port !== undefined && { port }) }
}

function packed(file: string): UfrError {
  const start = withSource(file, (source) => source.read(0, Math.min(2, source.size)))
  const tool = start[0] === 0x1f && start[1] === 0x8b ? 'gunzip -k' : 'unpack'
  return new UfrError('UFR-CONTAINER', `${file} is an archive that is packed as a whole`, {
    fix: `Unpack it first (its layers may be packed): ${tool} ${file}`,
  })
}
