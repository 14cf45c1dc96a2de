import type { FunctionSpec } from '../../function/spec.ts'
import type { Closure } from '../../image/closure/closure.ts'
import type { ViewFile } from '../../image/closure/file-view.ts'
import { bytesContent } from '../../image/content.ts'
import { Tree } from '../../image/tree.ts'
import { swiftParts, waitsForSignals } from './executable.ts'
import { lackingLibrary } from './preload.ts'

/** What a program that was built elsewhere is completed with, if it is one of Swift's. */
export interface ReadyMade {
  /** Folder of the host that shared libraries are taken from, where not the usual one. */
  root?: string
  extraLibraryPaths: string[]
  /** Libraries that it is to load before all others, at their places in the guest. */
  preloads(found: Closure): Tree
}

const libraryName = 'ufr-lacking.so'
const libraryPath = `opt/ufr/${libraryName}`

/** For a program that is completed with nothing. */
export const noSwift: ReadyMade = { extraLibraryPaths: [], preloads: () => new Tree() }

/**
 * What is to be added to a program that was built elsewhere.
 * @throws UfrError UFR-LIBRARY where its C library has to be newer than what there is.
 */
export function readyMadeSwift(file: ViewFile, { command = '' }: FunctionSpec): ReadyMade {
  const parts = swiftParts(file, command)
  return {
    ...(parts && { root: parts.root }),
    extraLibraryPaths: parts?.extraLibraryPaths ?? [],
    preloads({ files }) {
      const tree = new Tree()
      // Its own dynamic linker loads it; a program without one cannot be helped any more.
      const isLoaded = files.some(({ role }) => role === 'interpreter')
      const waits = files.some(({ name }) => name === 'libdispatch.so') || waitsForSignals(file)
      if (isLoaded && waits) {
        const content = bytesContent(lackingLibrary(libraryName))
        const origin = { reason: 'ufr' as const, from: 'what libdispatch wants and some kernels lack' }
        tree.set(libraryPath, { kind: 'file', mode: 0o755, content, origin })
      }
      return tree
    },
  }
}

/** The variable by which a dynamic linker is told of libraries to load first (ld.so(8)); the function's own stay. */
export function preloadVariable(tree: Tree, environment: Record<string, string>): Record<string, string> {
  const ours = tree.sorted().flatMap(([name, { kind }]) => (kind === 'file' ? [`/${name}`] : []))
  if (ours.length === 0) return {}
  return { LD_PRELOAD: [...ours, environment['LD_PRELOAD'] ?? ''].filter((each) => each !== '').join(':') }
}
