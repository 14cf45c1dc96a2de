import { UfrError } from '../../../base/errors.ts'
import { resolvePath, treeView } from '../../../image/closure/file-view.ts'
import { flattenLayers } from '../../../image/container/flatten.ts'
import type { ContainerImage } from '../../../image/container/image.ts'
import { digestOf } from '../../../image/digest.ts'
import type { ByteSource } from '../../../image/source.ts'
import type { Tree } from '../../../image/tree.ts'
import type { RootFiles } from '../../spec.ts'

/** Raise it when the same layers would become another root. */
const formatVersion = 'container-1'

/** What every guest mounts something on, or has of its own. */
const mountPoints = ['dev', 'proc', 'sys', 'run', 'tmp']

export interface ContainerRoot extends RootFiles {
  /** What was left out because no tree holds it. */
  skipped(): string[]
}

/**
 * An image's layers as the whole root of a guest; they are put together when the files are first asked for.
 * @param layers uncompressed and verified, in the order of the image.
 */
export function containerRoot(
  image: ContainerImage,
  layers: readonly ByteSource[],
  cwd: string,
): ContainerRoot {
  let made: { tree: Tree; skipped: string[] } | undefined
  const get = () => {
    if (made) return made
    const { tree, skipped } = named(image.title, () => flattenLayers(layers))
    completeRoot(tree, cwd)
    made = { tree, skipped }
    return made
  }
  return {
    key: digestOf(formatVersion, cwd, ...image.config.diffIds),
    title: image.title,
    whole: true,
    writable: true,
    tree: () => get().tree,
    skipped: () => get().skipped,
  }
}

/**
 * As container runtimes complete a root before they start in it: what is mounted on is a folder, the working directory
 * is there (moby: SetupWorkingDirectory).
 */
function completeRoot(tree: Tree, cwd: string): void {
  for (const name of mountPoints) {
    if (tree.get(name)?.kind === 'directory') continue
    tree.directory(name, name === 'tmp' ? 0o1777 : 0o755)
  }
  const folder = cwd.split('/').filter(Boolean).join('/')
  if (folder !== '' && !resolvePath(treeView(tree), cwd)) tree.directory(folder)
}

/** A layer's fault is the image's: its name says where to look. */
function named<T>(title: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
    const { cause, fix, detail } = error
    throw new UfrError(error.code, `${title}: ${error.message}`, { cause: cause ?? error, fix, detail })
  }
}
