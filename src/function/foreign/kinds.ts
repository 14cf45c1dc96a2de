import { containerKind } from './container/kind.ts'
import type { ForeignKind } from './foreign.ts'
import { kraftKind } from './kraft/kind.ts'
import { opsKind } from './ops/kind.ts'
import { osvKind } from './osv/kind.ts'

/** All kinds, in the order in which they are asked. A further one is a folder beside these and an entry here. */
export const foreignKinds: readonly ForeignKind[] = [osvKind, opsKind, kraftKind, containerKind]
