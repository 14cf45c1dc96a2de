import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Prepare from '../../src/instance/prepare.ts'
import type * as InstanceRun from '../../src/instance/run.ts'
import { finish } from './process.ts'

const root = path.join(import.meta.dirname, '../..')

/** ufr as people install it: compiled, packed and installed into a folder of its own. */
export interface Published {
  /** The installed command. */
  command: string
  /** Node.js, the one that this runs on. */
  node: string
  /** The environment in which the command takes that Node.js. */
  env: NodeJS.ProcessEnv
  /** The compiled functions themselves, for what is measured within a process. */
  prepare: typeof Prepare
  run: typeof InstanceRun
}

/**
 * Packs a copy of this checkout and installs that with npm, from npm's cache where it can. A copy, because packing
 * compiles: `bin/ufr` of the checkout would run what is compiled there.
 */
export async function publish(folder: string, signal: AbortSignal): Promise<Published> {
  // npm's own words about itself are no concern here.
  const env = { ...ownEnvironment(), npm_config_update_notifier: 'false' }
  const copy = path.join(folder, 'checkout')
  const skipped = new Set(['.git', 'dist', 'node_modules', 'test'])
  for (const name of fs.readdirSync(root)) {
    if (!skipped.has(name)) fs.cpSync(path.join(root, name), path.join(copy, name), { recursive: true })
  }
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'))
  await finish('npm', ['pack', '--silent', '--pack-destination', folder], { signal, env, cwd: copy })
  fs.rmSync(copy, { recursive: true })
  const archive = fs.readdirSync(folder).find((name) => name.endsWith('.tgz'))
  if (archive === undefined) throw new Error('npm pack wrote no package')
  const prefix = path.join(folder, 'installed')
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  await finish('npm', ['install', '--prefix', prefix, path.join(folder, archive), ...quiet], { signal, env })
  return installed(prefix)
}

/** ufr as it was installed before: `npm install --prefix PREFIX unikernel-function-runtime-VERSION.tgz`. */
export async function installed(folder: string): Promise<Published> {
  const prefix = path.resolve(folder)
  const { name } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
  const load = (file: string) =>
    import(pathToFileURL(path.join(prefix, 'node_modules', name, 'dist', file)).href)
  return {
    command: path.join(prefix, 'node_modules/.bin/ufr'),
    node: process.execPath,
    env: ownEnvironment(),
    prepare: await load('instance/prepare.js'),
    run: await load('instance/run.js'),
  }
}

function ownEnvironment(): NodeJS.ProcessEnv {
  const PATH = `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH']}`
  return { ...withoutSettings(process.env), PATH }
}

/** Without the user's settings for ufr: what it is compared with does not have them either. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = new Set(['UFR_HOME', 'UFR_QEMU', 'UFR_FIRECRACKER', 'UFR_JAILER', 'UFR_JAIL_UID'])
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('UFR_') || kept.has(name)),
  )
}
