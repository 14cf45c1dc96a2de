import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { findCommand } from '../../base/process.ts'
import { digestOf } from '../../image/digest.ts'
import { storedRuntime } from '../runtimes.ts'
import { hereCompiler } from './scripts.ts'
import { swiftSource } from './version.ts'

/** A Swift compiler with what belongs to it. */
export interface SwiftToolchain {
  /** Absolute path of the compiler. */
  swiftc: string
  /** The words that start its package manager: to build a package, and for all else. */
  packages?: { build: [string, ...string[]]; other: [string, ...string[]] }
  /** Folder of the host whose shared libraries programs are linked to: `/`, or the root of a runtime of the store. */
  root: string
  /** Names what it is: another toolchain, or a changed one, has another key. */
  key: string
  env: NodeJS.ProcessEnv
}

/** Where swiftly, Debian and people put toolchains that are not on PATH; from the home folder on, or absolute. */
const places = ['.local/share/swiftly/bin', '.swiftly/bin', '/opt/swift/usr/bin', '/usr/libexec/swift/bin']
/** Where the libraries of a toolchain are, from the folder with its programs on. */
const fromPrograms = '../lib/swift/linux'
const inStore = 'usr/libexec/swift/lib/swift/linux'

/** What the user's own environment is not to change in a toolchain that comes with a C library of its own. */
const foreign = ['LD_LIBRARY_PATH', 'LD_PRELOAD', 'SDKROOT', 'SWIFT_EXEC', 'CC', 'TOOLCHAINS']

/**
 * The toolchain that functions are built with: one of the host's, which a person has chosen, else that of the store.
 * @param folder what it is for, for the message.
 * @throws UfrError UFR-TOOLCHAIN where there is none: it is too large to be fetched without being asked.
 */
export function findSwift(folder: string): SwiftToolchain {
  const found = hostSwift() ?? storedSwift()
  if (found) return found
  throw new UfrError('UFR-TOOLCHAIN', `${folder} is built with Swift, which is not installed`, {
    fix: `\`ufr runtime pull swift\` fetches it (444 MB), or install a toolchain from swift.org. Or build it elsewhere, and put the program into the folder.`,
  })
}

function hostSwift(): SwiftToolchain | undefined {
  const swiftc = hostCompiler()
  if (swiftc === undefined) return undefined
  const { size, mtimeMs } = fs.statSync(swiftc)
  const packages = packageManager(swiftc)
  const key = digestOf(fs.realpathSync(swiftc), `${size} ${mtimeMs}`)
  return { swiftc, ...(packages && { packages }), root: '/', key, env: {} }
}

function hostCompiler(): string | undefined {
  const folders = places.map((place) => path.resolve(os.homedir(), place))
  return findCommand('swiftc', [process.env['PATH'] ?? '', ...folders].join(path.delimiter))
}

function packageManager(swiftc: string): SwiftToolchain['packages'] {
  // Beside the compiler by its own name, and not only where links lead: swiftly's all lead to swiftly.
  for (const folder of [path.dirname(swiftc), path.dirname(fs.realpathSync(swiftc))]) {
    const at = (name: string) => findCommand(name, folder)
    const [swift, build, tell] = [at('swift'), at('swift-build'), at('swift-package')]
    if (build && tell) return { build: [build], other: [tell] }
    if (swift) return { build: [swift, 'build'], other: [swift, 'package'] }
  }
  return undefined
}

function storedSwift(): SwiftToolchain | undefined {
  const runtime = storedRuntime('swift', swiftSource.version)
  if (!runtime) return undefined
  const swiftc = path.join(runtime.root, runtime.program)
  const at = (name: string) => path.join(path.dirname(swiftc), name)
  return {
    swiftc,
    packages: { build: [at('swift-build')], other: [at('swift-package')] },
    root: runtime.root,
    key: runtime.key,
    env: {
      ...Object.fromEntries(foreign.map((name) => [name, undefined])),
      // Manifests and plugins run on the host while a package is built.
      SWIFT_EXEC_MANIFEST: at(hereCompiler),
    },
  }
}

/** Where libraries of Swift are: a folder in a root of the host's file system. */
export interface SwiftLibraries {
  root: string
  /** Absolute path of the folder in that root. */
  folder: string
}

/** The libraries of the toolchains there are, those of the host's first. */
export function swiftLibraries(): SwiftLibraries[] {
  const compiler = hostCompiler()
  const own = compiler && path.join(path.dirname(fs.realpathSync(compiler)), fromPrograms)
  const found: SwiftLibraries[] = []
  if (own !== undefined && fs.existsSync(path.join(own, 'libswiftCore.so')))
    found.push({ root: '/', folder: own })
  const runtime = storedRuntime('swift', swiftSource.version)
  if (runtime) found.push({ root: runtime.root, folder: `/${inStore}` })
  return found
}
