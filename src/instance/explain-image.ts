import type { Progress } from '../base/progress.ts'
import type { FunctionSpec } from '../function/spec.ts'
import { neededByChains } from '../image/explain/needs.ts'
import type { OriginReason } from '../image/origin.ts'
import type { Entry, Tree } from '../image/tree.ts'
import type { Program } from '../language/program.ts'
import type { Unikernel } from '../unikernel/unikernel.ts'
import { explainedBase } from './base-origins.ts'
import { digestOfPlan } from './build.ts'
import type { Observation } from './observe/record.ts'
import { useOf } from './observe/usage.ts'
import { imageProgram, prepareProgram } from './prepare.ts'

/** Why a file is in an image. */
export interface ExplainedFile {
  /** Absolute path in the guest. */
  path: string
  kind: 'file' | 'link'
  bytes: number
  /** Of a link. */
  target?: string
  /** `unknown` where only the image itself is there to ask. */
  reason: OriginReason | 'unknown'
  /** What it goes back to: see Origin. */
  from?: string
  /** Paths of who needs it by the ELF files' own word: what starts it first, what names it last. */
  neededBy?: string[]
  /** Where on the host it was taken from. */
  source?: string
  /** How the function came to it while it was observed; nothing where it was not observed. */
  used?: 'opened' | 'looked' | 'no'
}

export interface ExplainedImage {
  spec: FunctionSpec
  unikernel: Unikernel
  program: Program
  /** What an image of the function as it is now has. */
  digest: string
  observation?: Observation
  files: ExplainedFile[]
}

/**
 * Why each file is in the image that a function would have now; nothing is built or booted for it.
 * @throws UfrError as for a build.
 */
export async function explainFunction(
  input: string,
  overrides: Partial<FunctionSpec>,
  progress: Progress,
): Promise<ExplainedImage> {
  const prepared = await prepareProgram(input, overrides, progress)
  const { spec, unikernel, program, observation } = await imageProgram(prepared, progress)
  const tree = explainedTree(unikernel, program)
  return {
    ...{ spec, unikernel, program, files: explainFiles(tree, [program.executable], observation) },
    digest: digestOfPlan(unikernel, unikernel.plan(program)),
    ...(observation && { observation }),
  }
}

/** The guest's root with a reason at every entry: what nobody has one for is the runtime's, or ours. */
export function explainedTree(unikernel: Unikernel, program: Program): Tree {
  const { base } = program
  const whole = unikernel.guestTree({ ...program, base: { ...base, tree: () => explainedBase(base) } })
  return whole.explain((path) => ({
    reason: 'ufr',
    from: path.startsWith('opt/ufr/') ? 'what starts the function' : 'what every Unix root has',
  }))
}

/** The files and links of a tree, by path. */
export function explainFiles(
  tree: Tree,
  programs: readonly string[] = [],
  observation?: Pick<Observation, 'opened' | 'looked'>,
): ExplainedFile[] {
  const chains = neededByChains(tree, programs)
  const sets = observation && { opened: new Set(observation.opened), looked: new Set(observation.looked) }
  return tree.sorted().flatMap(([name, entry]) => {
    if (entry.kind === 'directory') return []
    const path = `/${name}`
    const chain = chains.get(path) ?? entry.origin?.neededBy
    const used = sets && entry.kind === 'file' && { used: useOf(path, sets) ?? ('no' as const) }
    return [{ path, ...factsOf(entry), ...(chain && { neededBy: [...chain] }), ...used }]
  })
}

function factsOf(entry: Exclude<Entry, { kind: 'directory' }>): Omit<ExplainedFile, 'path'> {
  const from = entry.origin?.from
  const why = { reason: entry.origin?.reason ?? ('unknown' as const), ...(from !== undefined && { from }) }
  if (entry.kind === 'link') return { kind: 'link', bytes: 0, target: entry.target, ...why }
  const { size, file } = entry.content
  return { kind: 'file', bytes: size, ...why, ...(file !== undefined && { source: file }) }
}
