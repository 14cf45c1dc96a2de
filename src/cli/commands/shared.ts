import type { ArgumentSpec, OptionSpec } from './spec.ts'

export const json: OptionSpec = { flags: '--json', description: 'print one JSON document (docs/json.md)' }
export const folder: ArgumentSpec = {
  name: '[dir]',
  description: "the function's folder, or an input of another tool: docs/inputs.md (default: this folder)",
  complete: 'file',
}
export const imageFile: ArgumentSpec = {
  name: '<image>',
  description: 'file, or digest of an image of the store',
  complete: 'file',
}
/** For inputs of other tools above all: what they leave to that tool's command line. */
export const whatRuns: OptionSpec[] = [
  {
    flags: '--command <program>',
    description: 'the program that runs, instead of the one that the input names',
    complete: 'file',
  },
  { flags: '--port <port>', description: 'where a web function listens; makes a program one' },
]
export const unikernel: OptionSpec = {
  flags: '--unikernel <name>',
  description: 'guest kernel; auto takes nanos where its kernel is in the store, else linux',
  choices: ['auto', 'nanos', 'osv', 'unikraft', 'linux'],
}
