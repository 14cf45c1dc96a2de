import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic, withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import { type Runner, runCommand } from '../../base/process.ts'
import type { Progress } from '../../base/progress.ts'
import { type DebianOptions, fetchPackages } from '../debian/packages.ts'
import { folderKey, openFolders } from '../runtime-root.ts'
import { type Runtime, readRuntime, recordText, runtimeFolder, runtimeRecord } from '../runtimes.ts'
import { replacePrograms } from './scripts.ts'
import { swiftSource } from './version.ts'

/** Where the toolchain is in the root, in Debian's packages as in a runtime of the store. */
export const swiftFolder = 'usr/libexec/swift'

/** The toolchain, and what programs are linked with: the C library, and what gcc brings along for its linker. */
const packageNames = [
  ...['swiftlang', 'libswiftlang', 'libc6', 'libc6-dev', 'linux-libc-dev'],
  ...['libstdc++-14-dev', 'libgcc-14-dev', 'libstdc++6', 'libgcc-s1'],
]

/** What the toolchain's libraries need, and so on; of gcc's only those without sanitizers and other languages. */
const followed =
  /^lib(?!python|asan|tsan|lsan|ubsan|hwasan|quadmath|itm|gomp|cc1|sasl2-modules|newt|slang|debian)/

/** What building programs for this machine does without: half of the 2.1 GB. */
const leftOut = [
  ...['lldb', 'lldb-argdumper', 'lldb-dap', 'lldb-server', 'repl_swift', 'clangd', 'sourcekit-lsp', 'docc'],
  ...['swift-format', 'swift-api-checker.py', 'swift-api-digester', 'swift-build-sdk-interfaces', 'lld-link'],
  ...['ld64.lld', 'wasm-ld', 'clang-cl', 'clang-cache', 'llvm-cov', 'llvm-profdata'],
].map((name) => `bin/${name}`)
const leftOutLibraries = [
  ...[
    'liblldb.so',
    'liblldb.so.17',
    'liblldb.so.17.0.0',
    'libsourcekitdInProc.so',
    'libLTO.so',
    'libLTO.so.17',
  ],
  ...['libswiftGenericMetadataBuilder.so', 'swift/embedded', 'swift/FrameworkABIBaseline', 'swift/migrator'],
].map((name) => `lib/${name}`)

/** Links by which a linker finds libraries that Foundation is made with; they come with packages for developers. */
const developerLinks = ['libxml2.so', 'libcurl.so', 'libz.so']

/** At this much a second a download of 444 MB takes two hours, and is then given up. */
const slowestMs = 2 * 3600_000

/**
 * Fetches a Swift toolchain into the store, with the C library that it is built for, and what it links programs with.
 * @throws UfrError UFR-DEBIAN where the packages cannot be had, UFR-RUNTIME where they are not as expected.
 */
export async function makeSwiftRuntime(progress: Progress, options: DebianOptions): Promise<Runtime> {
  const { suite } = swiftSource
  const run: Runner = (command, args, more) =>
    (options.run ?? runCommand)(command, args, { timeout: slowestMs, ...more })
  return withTemporaryFolder(homePath('downloads'), async (packages) => {
    try {
      progress.note('The Swift toolchain is 444 MB to download, and 1.2 GB in the store.')
      const instead = 'install a toolchain from swift.org, so that its `swiftc` is on PATH.'
      const fetch = { instead, ...options, suite, follow: followed, run }
      const fetched = await fetchPackages(packageNames, packages, progress, fetch)
      const version = /^\d+(\.\d+){1,2}/.exec(fetched[0]?.version ?? '')?.[0]
      if (version === undefined)
        throw new UfrError('UFR-RUNTIME', "Debian's swiftlang has no Swift's version")
      progress.step(`Laying out Swift ${version}`)
      await createFolderAtomic(runtimeFolder('swift', version), (made) => {
        const root = path.join(made, 'root')
        layOut(packages, root, version)
        const record = {
          language: 'swift',
          version,
          program: `${swiftFolder}/bin/swiftc`,
          key: folderKey(root),
          packages: fetched.map((each) => ({ from: 'debian', ...each })),
          at: new Date().toISOString(),
        }
        fs.writeFileSync(path.join(made, runtimeRecord), recordText(record), { flush: true })
      })
      return readRuntime('swift', version)
    } finally {
      progress.done()
    }
  })
}

/**
 * Makes a root of unpacked packages: their `usr` moves there.
 * @throws UfrError UFR-RUNTIME where they hold no toolchain.
 */
export function layOut(packages: string, root: string, version: string): void {
  fs.mkdirSync(root)
  fs.renameSync(path.join(packages, 'usr'), path.join(root, 'usr'))
  fs.rmSync(path.join(root, 'usr/share'), { recursive: true, force: true })
  const swift = path.join(root, swiftFolder)
  for (const name of [...leftOut, ...leftOutLibraries]) {
    fs.rmSync(path.join(swift, name), { recursive: true, force: true })
  }
  // Packages of this suite have all in /usr, and count on links that lead there.
  for (const name of ['lib', 'lib64']) fs.symlinkSync(`usr/${name}`, path.join(root, name))
  addDeveloperLinks(path.join(root, 'usr/lib/x86_64-linux-gnu'))
  const linker = path.join(root, 'lib64/ld-linux-x86-64.so.2')
  if (!fs.existsSync(path.join(swift, 'bin/swiftc')) || !fs.existsSync(linker))
    throw new UfrError('UFR-RUNTIME', "Debian's packages hold no Swift toolchain where it is expected")
  replacePrograms(swift, linker)
  // Without it the compiler warns that it knows nothing of this root.
  const settings = { CanonicalName: 'linux', Version: version, VersionMap: {} }
  fs.writeFileSync(path.join(root, 'SDKSettings.json'), `${JSON.stringify(settings)}\n`, { mode: 0o644 })
  openFolders(root)
}

function addDeveloperLinks(libraries: string): void {
  const names = fs.existsSync(libraries) ? fs.readdirSync(libraries).sort() : []
  for (const name of developerLinks) {
    const target = names.find((each) => each.startsWith(`${name}.`))
    if (target !== undefined && !names.includes(name)) fs.symlinkSync(target, path.join(libraries, name))
  }
}
