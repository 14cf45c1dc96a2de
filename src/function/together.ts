import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { configName } from './config.ts'
import type { FunctionSpec } from './spec.ts'

/** An error about what ufr.json says as a whole. */
export function wrongConfig(folder: string, what: string, fix: string): UfrError {
  return new UfrError('UFR-CONFIG', `${path.join(folder, configName)}: ${what}`, { fix })
}

/**
 * What each key says is right: this is about all of them together.
 * @throws UfrError UFR-CONFIG
 */
export function checkTogether(spec: FunctionSpec): void {
  const { folder, shape, command } = spec
  if (spec.port !== undefined && shape !== 'web') {
    const fix = 'Remove port, or write "shape": "web".'
    throw wrongConfig(folder, `port is there, but the function is a ${shape}`, fix)
  }
  if (spec.workingDirectory !== undefined && shape === 'handler') {
    const fix = 'Remove workingDirectory: a handler starts in /var/task.'
    throw wrongConfig(folder, 'workingDirectory is there, but the function is a handler', fix)
  }
  if (spec.args.length > 0 && command === undefined) {
    throw wrongConfig(
      folder,
      'args are there, but a handler has no arguments',
      'Remove args, or name a command.',
    )
  }
  if (
    command !== undefined &&
    !spec.workingDirectory &&
    /\s/.test(command) &&
    !fs.existsSync(path.resolve(folder, command))
  ) {
    const [program, ...args] = command.trim().split(/\s+/)
    const parts = `"command": ${JSON.stringify(program)}, "args": ${JSON.stringify(args)}`
    throw wrongConfig(
      folder,
      `there is no file named ${JSON.stringify(command)}`,
      `If it is a command line: ${parts}`,
    )
  }
}
