import { freezeTree } from '../../../src/image/digest.ts'
import { openImage } from '../../../src/image/open.ts'
import { withSource } from '../../../src/image/source.ts'
import { Tree } from '../../../src/image/tree.ts'

/**
 * Sees to it that an image holds all files of a tree with their bytes: it would be no comparison otherwise.
 * @throws Error naming the first that is missing or another.
 */
export function checkImage(file: string, wanted: Tree): void {
  withSource(file, (source) => {
    const trees = openImage(source).map(({ tree }) => tree)
    for (const [path, entry] of wanted.sorted()) {
      if (entry.kind !== 'file') continue
      const found = trees.map((tree) => tree.get(path)).find((each) => each !== undefined)
      if (found?.kind !== 'file' || digest(found.content) !== digest(entry.content))
        throw new Error(`${file} is an image without ${path}, or with another one`)
    }
  })
}

function digest(content: Parameters<Tree['file']>[1]): string {
  return freezeTree(new Tree().file('file', content)).digest
}
