import fs from 'node:fs'
import path from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { UfrError } from '../../base/errors.ts'
import { type Runner, runCommand } from '../../base/process.ts'
import { readSections } from '../../image/formats/elf/elf-sections.ts'
import { bytesSource } from '../../image/source.ts'

/** What the guest needs to find its disks, network and sockets, however the kernel was built. */
export const wantedModules = [
  'virtio',
  'virtio_ring',
  'virtio_mmio',
  'virtio_pci',
  'virtio_blk',
  'virtio_net',
  'virtio_rng',
  'virtio_console',
  'vmw_vsock_virtio_transport',
  'erofs',
  'overlay',
] as const

/** A module ready to be loaded. */
export interface Module {
  name: string
  /** The uncompressed ELF file. */
  bytes: Uint8Array
}

export interface ModuleClosure {
  /** In load order: each after all that it depends on. */
  modules: Module[]
  /** Those that the kernel has neither as a module nor built in, with the module that wants them. */
  missing: { name: string; wantedBy: string | undefined }[]
}

const extension = /\.ko(?:\.(?:xz|zst|gz))?$/
const maxFiles = 100_000
const maxDepth = 16
const maxModuleBytes = 64 << 20
const maxModinfoBytes = 1 << 20
const maxClosure = 200

/** Modules are named with `_` in the kernel and with either in file names (kernel/module/main.c, kmod). */
function moduleName(file: string): string {
  return path.basename(file).replace(extension, '').replaceAll('-', '_')
}

export interface ModuleInfo {
  /** Names of the modules that have to be loaded before. */
  depends: string[]
  /** The kernel's release that it was built for: the first word of its `vermagic`. */
  release: string | undefined
}

/**
 * What a module says of itself in its section `.modinfo`: `key=value`, each ended by NUL (include/linux/moduleparam.h).
 * @throws UfrError UFR-FORMAT where it is no whole ELF file or has no such section.
 */
export function moduleInfo(bytes: Uint8Array): ModuleInfo {
  const source = bytesSource(bytes)
  const section = readSections(source).find((each) => each.name === '.modinfo')
  if (!section || section.size > maxModinfoBytes)
    throw new UfrError('UFR-FORMAT', 'not a kernel module: no .modinfo')
  const fields = Buffer.from(source.read(section.offset, section.size)).toString('latin1').split('\0')
  const value = (key: string) => fields.find((field) => field.startsWith(`${key}=`))?.slice(key.length + 1)
  const depends = (value('depends') ?? '').split(',').filter((name) => name !== '')
  return { depends: depends.map(moduleName), release: value('vermagic')?.split(' ', 1)[0] }
}

/**
 * The modules wanted and all that they depend on, read from the modules themselves: `modules.dep` is made by depmod
 * when a package is installed, and ours never is.
 * @param folder `/lib/modules/RELEASE`, or its like in an unpacked package.
 * @param release of the kernel that is to load them: it takes none that were built for another.
 * @throws UfrError UFR-KERNEL-FILE where a module is damaged; UFR-COMMAND where xz is needed and missing.
 */
export async function moduleClosure(
  folder: string,
  release: string,
  wanted: readonly string[] = wantedModules,
  run: Runner = runCommand,
): Promise<ModuleClosure> {
  const files = moduleFiles(folder)
  const builtin = builtinModules(folder)
  const closure: ModuleClosure = { modules: [], missing: [] }
  const seen = new Set<string>()
  const visit = async (name: string, wantedBy: string | undefined): Promise<void> => {
    // A cycle cannot be loaded in any order; the kernel's own build refuses it, so none is looked for.
    if (seen.has(name) || builtin.has(name)) return
    seen.add(name)
    const file = files.get(name)
    if (file === undefined) {
      closure.missing.push({ name, wantedBy })
      return
    }
    if (seen.size > maxClosure)
      throw new UfrError('UFR-KERNEL-FILE', `${folder}: more than ${maxClosure} modules wanted`)
    const bytes = await readModule(file, run)
    for (const each of dependsOf(file, bytes, release)) await visit(each, name)
    closure.modules.push({ name, bytes })
  }
  for (const name of wanted) await visit(name, undefined)
  return closure
}

function dependsOf(file: string, bytes: Uint8Array, release: string): string[] {
  let info: ModuleInfo
  try {
    info = moduleInfo(bytes)
  } catch (error) {
    throw new UfrError('UFR-KERNEL-FILE', `${file} is no whole kernel module`, { cause: error })
  }
  if (info.release === undefined || info.release === release) return info.depends
  throw new UfrError('UFR-KERNEL-FILE', `${file} was built for Linux ${info.release}, not ${release}`)
}

/** Module files by module name; those in `updates` replace those of the kernel (depmod.d(5), the default search). */
function moduleFiles(folder: string): Map<string, string> {
  const files = new Map<string, string>()
  const walk = (at: string, depth: number): void => {
    if (depth > maxDepth || !fs.lstatSync(at, { throwIfNoEntry: false })?.isDirectory()) return
    for (const entry of fs.readdirSync(at, { withFileTypes: true })) {
      const file = path.join(at, entry.name)
      if (entry.isDirectory()) walk(file, depth + 1)
      else if (entry.isFile() && extension.test(entry.name) && !files.has(moduleName(file))) {
        if (files.size >= maxFiles) throw new UfrError('UFR-KERNEL-FILE', `${folder} holds too many modules`)
        files.set(moduleName(file), file)
      }
    }
  }
  for (const part of ['updates', 'kernel', 'extra']) walk(path.join(folder, part), 0)
  return files
}

function builtinModules(folder: string): Set<string> {
  const list = path.join(folder, 'modules.builtin')
  if (!fs.existsSync(list)) return new Set()
  const lines = fs.readFileSync(list, 'latin1').split('\n')
  return new Set(lines.filter((line) => extension.test(line)).map(moduleName))
}

async function readModule(file: string, run: Runner): Promise<Uint8Array> {
  const packed = fs.readFileSync(file)
  try {
    if (file.endsWith('.zst')) return zstdDecompressSync(packed, { maxOutputLength: maxModuleBytes })
    if (file.endsWith('.gz')) return gunzipSync(packed, { maxOutputLength: maxModuleBytes })
    if (file.endsWith('.xz')) return await unpackXz(file, run)
  } catch (error) {
    if (error instanceof UfrError) throw error
    throw new UfrError('UFR-KERNEL-FILE', `${file} cannot be unpacked: ${(error as Error).message}`, {
      cause: error,
    })
  }
  return packed
}

/** Node.js has no xz. */
async function unpackXz(file: string, run: Runner): Promise<Uint8Array> {
  const install = 'sudo apt-get install xz-utils'
  return (await run('xz', ['-d', '-c', '--', file], { maxOutput: maxModuleBytes, install })).output
}
