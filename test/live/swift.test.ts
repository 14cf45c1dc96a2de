import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { findCommand } from '../../src/base/process.ts'
import { findSwift, type SwiftToolchain } from '../../src/kernel/swift/toolchain.ts'
import { document, errorDocument } from '../cli/schemas.ts'
import { folderOf, kernels, lacking, ufr } from './ufr.ts'

/** The toolchain is 444 MB to download: nothing here fetches it. */
const toolchain = ((): SwiftToolchain | undefined => {
  try {
    return findSwift('the test')
  } catch (error) {
    if (error instanceof UfrError) return undefined
    throw error
  }
})()
const noSwift = toolchain ? false : 'no Swift toolchain on this host or in the store (ufr runtime pull swift)'

/**
 * Parks its main thread, sleeps, runs tasks, and lets a queue wait for longer than a second: what libdispatch wants a
 * kernel for.
 */
const program = `
import Dispatch

func spin(_ seconds: Double) {
  let clock = ContinuousClock()
  let end = clock.now + .seconds(seconds)
  var n: UInt64 = 1
  while clock.now < end { for _ in 0..<1000 { n = n &* 6364136223846793005 &+ 1442695040888963407 } }
  if n == 0 { print(n) }
}

@main
struct Main {
  static func main() async throws {
    try await Task.sleep(nanoseconds: 20_000_000)
    let sum = await withTaskGroup(of: Int.self) { group in
      for i in 1...10 { group.addTask { await Task.yield(); return i } }
      return await group.reduce(0, +)
    }
    await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
      let group = DispatchGroup()
      for _ in 1...3 { DispatchQueue.global().async(group: group) { spin(0.8) } }
      group.notify(queue: .global()) { done.resume() }
    }
    print("sum \\(sum)")
  }
}
`
const description = { name: 'async', runtime: 'native', shape: 'program', command: 'async', memory: 128 }

for (const kernel of new Set<string>([...kernels, 'unikraft'])) {
  const skip = noSwift || lacking(kernel)
  test(`${kernel}: an asynchronous main function in Swift sleeps, and its queues wait`, {
    skip,
  }, async (t) => {
    const folder = folderOf(t, { 'Async.swift': program, 'ufr.json': JSON.stringify(description) })
    const { status, stdout, stderr } = await ufr(t, ['run', folder, '--unikernel', kernel, '--accel', 'tcg'])
    assert.deepEqual([status, stdout], [0, 'sum 55\n'], stderr)
  })
}

test("nanos: a program of Swift's that is linked already gets what it lacks", {
  skip: noSwift || lacking('nanos'),
}, async (t) => {
  const folder = folderOf(t, { 'src/Async.swift': program, 'ufr.json': JSON.stringify(description) })
  const { swiftc, env } = toolchain!
  const words = ['-O', '-parse-as-library', 'src/Async.swift', '-o', 'async']
  execFileSync(swiftc, words, { cwd: folder, env: { ...process.env, ...env }, timeout: 120_000 })
  const { status, stdout, stderr } = await ufr(t, ['run', folder, '--unikernel', 'nanos', '--accel', 'tcg'])
  assert.deepEqual([status, stdout], [0, 'sum 55\n'], stderr)
})

const on = ['--unikernel', 'linux']
const manifest = (name: string, rest: string) =>
  `// swift-tools-version:5.9\nimport PackageDescription\nlet package = Package(name: "${name}", ${rest})\n`

/** A repository with a library, to be depended on. */
function repository(t: TestContext): string {
  const folder = folderOf(t, {
    'Package.swift': manifest(
      'greet',
      'products: [.library(name: "Greet", targets: ["Greet"])], targets: [.target(name: "Greet")]',
    ),
    'Sources/Greet/Greet.swift': 'public let greeting = "hello"\n',
  })
  const git = (...words: string[]) => execFileSync('git', words, { cwd: folder, stdio: 'ignore' })
  git('init', '-q')
  git('add', '-A')
  git('-c', 'user.name=test', '-c', 'user.email=test@example.org', 'commit', '-qm', 'first')
  git('tag', '1.0.0')
  return folder
}

test('a package is built with what it depends on; errors are passed on with file and line', {
  skip: noSwift || lacking('linux') || (findCommand('git') ? false : 'no git'),
}, async (t) => {
  const from = repository(t)
  const depends = (on: string) =>
    manifest(
      'hello',
      `dependencies: [.package(url: "file://${on}", from: "1.0.0")], targets: [.executableTarget(name: "hello", dependencies: [.product(name: "Greet", package: "${path.basename(on)}")], resources: [.copy("data.txt")]), .executableTarget(name: "other")]`,
    )
  const folder = folderOf(t, {
    'Package.swift': depends(from),
    'Sources/hello/main.swift': 'import Greet\nprint(greeting)\n',
    'Sources/hello/data.txt': 'data\n',
    'Sources/other/main.swift': 'print("other")\n',
  })
  const first = await ufr(t, ['build', folder, ...on, '--json'])
  assert.equal(first.status, 0, first.stdout + first.stderr)
  const again = await ufr(t, ['build', folder, ...on, '--json'])
  assert.equal(document('build', again.stdout).image.cached, true)
  const { stdout } = await ufr(t, ['image', 'explain', folder, ...on, '--json'])
  assert.ok(stdout.includes('/var/task/hello_hello.resources/data.txt'), stdout)
  fs.writeFileSync(path.join(folder, 'Sources/hello/main.swift'), 'import Greet\nprint(greting)\n')
  const broken = await ufr(t, ['build', folder, ...on, '--json'])
  const { code, message } = errorDocument(broken.stdout)
  assert.deepEqual([broken.status, code], [4, 'UFR-BUILD'])
  assert.match(message, /: Sources\/hello\/main\.swift:2:7: error: cannot find 'greting' in scope$/)
  const nowhere = path.join(folder, 'nowhere')
  fs.writeFileSync(path.join(folder, 'Package.swift'), depends(nowhere))
  const unfetched = errorDocument((await ufr(t, ['build', folder, ...on, '--json'])).stdout)
  assert.equal(unfetched.code, 'UFR-BUILD')
  assert.match(unfetched.message, /Package\.swift depends on packages that cannot be fetched: .*nowhere/)
})
