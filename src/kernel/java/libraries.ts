import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { closure } from '../../image/closure/closure.ts'
import { fileContent } from '../../image/content.ts'
import { isElf } from '../../image/formats/elf/elf-names.ts'
import { Tree } from '../../image/tree.ts'

export interface JavaLibraries {
  /** The libraries of the system that a JDK or JRE needs, relative to the guest's root. */
  tree: Tree
  /** Files of the JDK or JRE that need what is not there, with the reason: those for screens and sound, mostly. */
  leftOut: Map<string, string>
}

/** Without one of these there is no Java. */
const core = /^(bin\/java|lib\/(server\/libjvm|libjava|libjli|libjimage|libnet|libnio|libzip)\.so)$/
/**
 * What native code that is packed in jars names (for glibc before 2.34 these were libraries of their own): it is
 * unpacked and loaded when the program runs, and nobody sees before what it needs.
 */
const usual = [
  ...['libdl.so.2', 'libgcc_s.so.1', 'libm.so.6', 'libpthread.so.0', 'libresolv.so.2', 'librt.so.1'],
  ...['libstdc++.so.6', 'libutil.so.1'],
]
const libraryFolders = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'lib64', 'usr/lib64']
/** More than enough for the head of an ELF file. */
const headBytes = 4

/**
 * The shared libraries that a JDK or JRE needs besides its own.
 * @param java its files.
 * @param at absolute path in the guest where they will be.
 * @param root folder of the host that the libraries are taken from.
 * @throws UfrError UFR-LIBRARY where something is missing without which no Java runs.
 */
export function javaLibraries(java: Tree, at: string, root: string): JavaLibraries {
  const tree = new Tree()
  const leftOut = new Map<string, string>()
  const mounts = [{ at, tree: java }]
  // Its libraries name others that are loaded before them.
  const libraryPath = ['lib/server', 'lib'].map((folder) => path.posix.join(at, folder))
  for (const [name, entry] of java.sorted()) {
    const mayBe = name.startsWith('bin/') || name.endsWith('.so')
    if (entry.kind !== 'file' || !mayBe || entry.content.size < headBytes) continue
    const first = entry.content.chunks()[Symbol.iterator]().next().value
    if (!first || !isElf(first)) continue
    try {
      const found = closure([path.posix.join(at, name)], { root, mounts, libraryPath })
      for (const { mounted, guestPath, content } of found.files) {
        // A link to a library becomes a file of its own name: what it leads to has a version in its name that nobody asks for.
        if (!mounted) tree.file(guestPath.slice(1), content, 0o755)
      }
    } catch (error) {
      if (!(error instanceof UfrError) || error.code !== 'UFR-LIBRARY' || core.test(name)) throw error
      leftOut.set(name, error.message)
    }
  }
  addUsual(tree, root)
  return { tree, leftOut }
}

/** Puts them beside the C library, where its dynamic linker looks; those that the root does not have are left out. */
function addUsual(tree: Tree, root: string): void {
  const there = new Map(tree.sorted().map(([name]) => [path.posix.basename(name), path.posix.dirname(name)]))
  const folder = there.get('libc.so.6')
  if (folder === undefined) return
  for (const name of usual.filter((each) => !there.has(each))) {
    const found = libraryFolders
      .map((each) => path.join(root, each, name))
      .find((file) => fs.existsSync(file))
    if (found === undefined) continue
    const file = fs.realpathSync(found)
    tree.file(path.posix.join(folder, name), fileContent(file, fs.statSync(file).size), 0o755)
  }
}
