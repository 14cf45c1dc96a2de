import { freezeTree } from '../image/digest.ts'
import type { Tree } from '../image/tree.ts'
import type { RootFiles } from './spec.ts'

/** Root files of a tree that is made, and read once for its digest, when somebody asks for it. */
export function rootFiles(title: string, make: () => Tree, more: Partial<RootFiles> = {}): RootFiles {
  let made: { tree: Tree; digest: string } | undefined
  const frozen = () => {
    made ??= freezeTree(make())
    return made
  }
  return {
    title,
    whole: false,
    ...more,
    get key() {
      return frozen().digest
    },
    tree: () => frozen().tree,
  }
}
