/**
 * Why an entry is in a tree. It is kept for people only: no digest covers it, so the same files always make the same
 * image, whatever brought them there.
 */
export interface Origin {
  reason: OriginReason
  /**
   * What it goes back to: the rule of `files` (`named`, `matched`), the package or title of the runtime (`runtime`), the
   * input's title (`input`), a word on what it is for (`ufr`), how the function came to it (`observed`).
   */
  from?: string
  /** `needed`: the paths of who needs it, the program first and what names it last. */
  neededBy?: readonly string[]
}

/**
 * `folder`: in the function's folder, all of which goes into the image. `named` and `matched`: by a path or a pattern of
 * `files`. `program`: what runs. `needed`: a program or library names it. `runtime`: part of a language runtime.
 * `input`: part of a root file system that came with the function. `observed`: the function asked for it while it was
 * observed. `ufr`: ours, or a place to mount something.
 */
export type OriginReason =
  | 'folder'
  | 'named'
  | 'matched'
  | 'program'
  | 'needed'
  | 'runtime'
  | 'input'
  | 'observed'
  | 'ufr'
