import fs from 'node:fs'
import path from 'node:path'
import type { Progress } from '../../base/progress.ts'
import { configName } from '../config.ts'
import type { FunctionConfig } from '../schema.ts'
import type { FunctionSpec } from '../spec.ts'

/** What flags and variables say: the same as for `loadFunction`. */
export type Overrides = Partial<FunctionSpec>

/** What a foreign input says, in ufr's words. */
export interface Foreign {
  /** Complete: overrides are in it already. What it has no word for is in its `notes`. */
  spec: FunctionSpec
  /** What `ufr init` writes, as far as ufr.json can say it. */
  config: FunctionConfig
  /** What `config` could not take over, one sentence each; what is in `spec.notes` besides is not repeated here. */
  lost: string[]
  /** What may have been meant otherwise, one sentence each: said when it is run, and nothing that got lost. */
  hints?: string[]
}

/** An input that a kind has recognised. */
export interface Found {
  /** For people: `an ops configuration (config.json)`. */
  title: string
  /** Reads it all. @throws UfrError naming file and line of what ufr cannot do. */
  load(overrides: Overrides, progress: Progress): Promise<Foreign>
}

/** A kind of input that was made for another tool. */
export interface ForeignKind {
  name: string
  /** For people, after "looked for". */
  looksFor: string
  /**
   * Recognises an input by a look at few and small files; nothing is loaded that `load` alone needs.
   * @param input as given on the command line: a folder, a file, or words that only this kind knows.
   * @throws UfrError only where it is certainly meant for this kind and cannot be read.
   */
  recognise(input: string): Found | undefined
}

/**
 * What an input of another tool is, or undefined where no kind knows it. Where a folder has a ufr.json, that counts;
 * `shadowed` is then what would have been taken without it.
 */
export function findForeign(
  input: string,
  kinds: readonly ForeignKind[],
): { found?: Found; shadowed?: Found } {
  const own = fs.existsSync(path.join(input, configName))
  for (const kind of kinds) {
    const found = recognised(kind, input, own)
    if (found) return own ? { shadowed: found } : { found }
  }
  return {}
}

/** Beside a ufr.json a file of another tool's is nobody's mistake, whatever is in it. */
function recognised(kind: ForeignKind, input: string, quietly: boolean): Found | undefined {
  try {
    return kind.recognise(input)
  } catch (error) {
    if (quietly) return undefined
    throw error
  }
}
