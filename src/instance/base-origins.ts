import type { Tree } from '../image/tree.ts'
import type { Base } from '../language/program.ts'

/** The files of a base with a reason at each: what a language has none for is simply its runtime's. */
export function explainedBase(base: Base): Tree {
  return base
    .tree()
    .explain((path) =>
      path.startsWith('opt/ufr/')
        ? { reason: 'ufr', from: 'what runs beside the function' }
        : { reason: 'runtime', from: base.title },
    )
}
