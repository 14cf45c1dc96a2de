import type { Action } from '../outcome.ts'

/** What a shell can complete a word with. */
export type Completion = 'file' | 'folder' | readonly string[]

export interface OptionSpec {
  flags: string
  description: string
  /** The only values that are taken. */
  choices?: readonly string[]
  complete?: Completion
  /** Whether the command makes no sense without it. */
  required?: boolean
}

export interface ArgumentSpec {
  name: string
  description: string
  complete?: Completion
}

/** A command as help, completion and parsing know it; its code is loaded only when it runs. */
export interface CommandSpec {
  name: string
  description: string
  summary?: string
  arguments?: ArgumentSpec[]
  options?: OptionSpec[]
  commands?: CommandSpec[]
  examples?: string[]
  action?: () => Promise<Action>
}
