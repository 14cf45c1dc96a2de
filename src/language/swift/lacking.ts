import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { homePath } from '../../base/paths.ts'
import { digestOf } from '../../image/digest.ts'
import type { SwiftToolchain } from '../../kernel/swift/toolchain.ts'

/**
 * What libdispatch, below Swift's concurrency and queues, takes for granted on Linux and other kernels lack.
 *
 * `@main async` and `dispatchMain()` park the main thread in sigsuspend (src/queue.c), which OSv does not have, from
 * which Unikraft returns at once, and which ends the program on Nanos. Poll for nothing with the same mask is the same
 * call by another name (ppoll(2)), and all kernels have it; one that does not wait there either is slept on.
 *
 * When a queue has waited for a second, the file /proc/TID/stat of each of its threads is read to see which of them
 * work (src/event/workqueue.c), and the program ends where one cannot be opened: on Nanos and OSv. Told that they all
 * sleep, it starts a further thread.
 *
 * Functions are declared by their names in C: so this needs no headers, and none of Swift's own libraries.
 */
const source = `@_silgen_name("ppoll")
func poll(_ fds: UnsafeRawPointer?, _ count: UInt, _ timeout: UnsafeRawPointer?, _ mask: UnsafeRawPointer?) -> Int32
@_silgen_name("__errno_location")
func errorNumber() -> UnsafePointer<Int32>
@_silgen_name("sleep")
func sleep(_ seconds: UInt32) -> UInt32
@_silgen_name("open64")
func openFile(_ path: UnsafePointer<UInt8>, _ flags: Int32, _ mode: UInt32) -> Int32
@_silgen_name("strncmp")
func compare(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: UInt) -> Int32
@_silgen_name("pipe")
func pipe(_ ends: UnsafeMutablePointer<(Int32, Int32)>) -> Int32
@_silgen_name("write")
func write(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: UInt) -> Int
@_silgen_name("close")
func close(_ file: Int32) -> Int32

@_cdecl("sigsuspend")
public func sigsuspend(_ mask: UnsafeRawPointer?) -> Int32 {
  let interrupted: Int32 = 4
  while poll(nil, 0, nil, mask) == 0 || errorNumber().pointee != interrupted { _ = sleep(86_400) }
  return -1
}

@_cdecl("open")
public func open(_ path: UnsafePointer<UInt8>, _ flags: Int32, _ mode: UInt32) -> Int32 {
  let file = openFile(path, flags, mode)
  let head: StaticString = "/proc/"
  if file >= 0 || compare(path, head.utf8Start, 6) != 0 || path[6] < 0x30 || path[6] > 0x39 { return file }
  var ends: (Int32, Int32) = (-1, -1)
  if pipe(&ends) != 0 { return -1 }
  let asleep: StaticString = "1 (thread) S"
  _ = write(ends.1, asleep.utf8Start, UInt(asleep.utf8CodeUnitCount))
  _ = close(ends.1)
  return ends.0
}
`

/**
 * An object file with that, to be linked into programs; compiled once for each toolchain.
 * @param compile runs the compiler with arguments, in a folder.
 */
export async function lackingObject(
  { key }: Pick<SwiftToolchain, 'key'>,
  compile: (args: string[], folder: string) => Promise<unknown>,
): Promise<string> {
  const store = homePath('swift')
  const object = path.join(store, `lacking-${digestOf(key, source).slice(0, 16)}.o`)
  if (fs.existsSync(object)) return object
  await withTemporaryFolder(store, async (folder) => {
    fs.writeFileSync(path.join(folder, 'lacking.swift'), source)
    await compile(['-O', '-parse-as-library', '-c', 'lacking.swift', '-o', 'lacking.o'], folder)
    fs.renameSync(path.join(folder, 'lacking.o'), object)
  })
  return object
}
