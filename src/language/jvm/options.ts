import type { FunctionSpec } from '../../function/spec.ts'
import { baseArchive } from './jre.ts'

/** What a kernel and the parts of a virtual machine outside of its heap take, in MiB. */
const besidesHeapMiB = 112
const leastHeapMiB = 24
/** Of what is left, the part that is for the heap: threads, buffers and compiled code grow with a program. */
const heapShare = 0.75

/** The runtime's archive of classes, and absolute path in the guest of the function's own, where there is one. */
export interface Archives {
  runtime: boolean
  own?: string | undefined
}

export interface OptionInputs {
  spec: FunctionSpec
  major: number
  /** Which archives of classes are mapped. */
  archives: Archives
  handler: boolean
  /** The options that the function itself has for `java`. */
  own: readonly string[]
}

/**
 * Options for `java` in a guest. The short start comes before the best speed after a minute, as on AWS Lambda: the
 * quick compiler only, and the collector that needs no threads. What the function says itself, by its arguments or
 * JAVA_TOOL_OPTIONS, goes before: where it names an option of a kind, ours is left out.
 */
export function javaOptions({ spec, major, archives, handler, own }: OptionInputs): string[] {
  const said = [...own, spec.environment['JAVA_TOOL_OPTIONS'] ?? ''].join(' ')
  const heap = Math.max(leastHeapMiB, Math.floor((spec.memoryMiB - besidesHeapMiB) * heapShare))
  const files = [`/${baseArchive}`, ...(archives.own === undefined ? [] : [archives.own])].join(':')
  const sharing = archives.runtime ? ['-Xshare:auto', `-XX:SharedArchiveFile=${files}`] : ['-Xshare:off']
  const options: [RegExp, ...string[]][] = [
    [/-Xmx|MaxRAM|MaxHeapSize/, `-Xmx${heap}m`],
    [/-Xm[sx]|RAMPercentage|HeapSize/, `-Xms${Math.floor(heap / 4)}m`],
    [/-XX:\+Use\w+GC/, '-XX:+UseSerialGC'],
    [/TieredStopAtLevel|TieredCompilation/, '-XX:TieredStopAtLevel=1'],
    // It would write a file that nobody reads.
    [/UsePerfData/, '-XX:-UsePerfData'],
    // Moved to another address, an archive has to be patched all through before the first class is used.
    [/ArchiveRelocationMode/, '-XX:+UnlockDiagnosticVMOptions', '-XX:ArchiveRelocationMode=0'],
    [/SharedArchiveFile|-Xshare|AOTCache/, ...sharing],
    // An archive that does not fit is no more than a slower start.
    [/-Xlog/, '-Xlog:disable', '-Xlog:all=error:stderr'],
  ]
  // Calling a method a few times, making code for the call costs more than it saves.
  if (handler && major >= 18)
    options.push([/useNativeAccessorOnly/, '-Djdk.reflect.useNativeAccessorOnly=true'])
  return options.flatMap(([kind, ...words]) => (kind.test(said) ? [] : words))
}
