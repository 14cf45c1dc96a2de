import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic, withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { extractTree } from '../../image/extract.ts'
import { plainTree } from '../../image/folder/plain.ts'
import { type DebianOptions, type FetchedPackage, fetchPackages } from '../debian/packages.ts'
import { folderKey, openFolders } from '../runtime-root.ts'
import { type Runtime, readRuntime, recordText, runtimeFolder, runtimeRecord } from '../runtimes.ts'
import { jdkFolder } from './jdk.ts'
import { javaLibraries } from './libraries.ts'

/** Which suite of Debian has the packages of a Java. */
export const debianSuites: Readonly<Record<number, string>> = { 17: 'bookworm', 21: 'trixie', 25: 'trixie' }

/** What its parts without a screen need besides the C library: zlib, and what draws pictures. */
const libraries = ['libc6', 'zlib1g', 'libstdc++6', 'libgcc-s1', 'libjpeg62-turbo', 'liblcms2-2']

/**
 * Fetches a JDK into the store, with the libraries of the suite that it is built for: OpenJDK as Debian packages it.
 * @throws UfrError UFR-DEBIAN where the packages cannot be had, UFR-RUNTIME where they are not as expected.
 */
export async function makeJavaRuntime(
  major: number,
  progress: Progress,
  options: DebianOptions,
): Promise<Runtime> {
  const suite = debianSuites[major]
  if (suite === undefined) throw noSuchJava(major)
  const names = [`openjdk-${major}-jdk-headless`, `openjdk-${major}-jre-headless`, ...libraries]
  return withTemporaryFolder(homePath('downloads'), async (packages) => {
    try {
      const instead = `install a JDK ${major} on this machine and set JAVA_HOME to its folder.`
      const fetched = await fetchPackages(names, packages, progress, { instead, ...options, suite })
      progress.step(`Laying out Java ${major}`)
      const jdk = path.join(packages, 'usr/lib/jvm', `java-${major}-openjdk-amd64`)
      const version = versionOf(jdk)
      await createFolderAtomic(runtimeFolder('java', version), (made) =>
        layOut(made, jdk, packages, version, fetched),
      )
      return readRuntime('java', version)
    } finally {
      progress.done()
    }
  })
}

export function noSuchJava(major: number): UfrError {
  const majors = Object.keys(debianSuites)
  return new UfrError('UFR-RUNTIME', `Java ${major} is not among what can be fetched: ${majors.join(', ')}`, {
    fix: `Install a JDK ${major} and set JAVA_HOME to its folder, or use ${majors.map((each) => `java${each}`).join(' or ')}.`,
  })
}

function versionOf(jdk: string): string {
  const file = path.join(jdk, 'release')
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
  const version = /^JAVA_VERSION="(\d+(?:\.\d+){0,3})/m.exec(text)?.[1]
  if (version === undefined)
    throw new UfrError('UFR-RUNTIME', `Debian's packages hold no JDK at ${path.basename(jdk)}`)
  return version
}

async function layOut(
  made: string,
  jdk: string,
  packages: string,
  version: string,
  fetched: readonly FetchedPackage[],
): Promise<void> {
  const root = path.join(made, 'root')
  const home = path.join(root, jdkFolder)
  settleLinks(jdk, packages)
  mergeUsr(packages)
  const { tree, leftOut } = javaLibraries(plainTree(jdk), `/${jdkFolder}`, packages)
  for (const name of leftOut.keys()) fs.rmSync(path.join(jdk, name))
  extractTree(tree, root)
  fs.mkdirSync(path.dirname(home), { recursive: true })
  fs.renameSync(jdk, home)
  openFolders(root)
  const record = {
    language: 'java',
    version,
    program: `${jdkFolder}/bin/java`,
    key: folderKey(root),
    packages: fetched.map((each) => ({ from: 'debian', ...each })),
    at: new Date().toISOString(),
  }
  fs.writeFileSync(path.join(made, runtimeRecord), recordText(record), { flush: true })
}

/**
 * Debian's JDK has its settings in /etc, and links there: they become the files they lead to. Links that lead nowhere,
 * to documentation, sources, and what only a package's installation makes, go.
 */
function settleLinks(jdk: string, packages: string, folder = jdk): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name)
    if (entry.isDirectory()) settleLinks(jdk, packages, file)
    if (!entry.isSymbolicLink()) continue
    const target = fs.readlinkSync(file)
    if (!path.isAbsolute(target)) {
      const inJdk = path.resolve(folder, target).startsWith(jdk + path.sep)
      if (!inJdk || !fs.existsSync(file)) fs.rmSync(file)
      continue
    }
    const inside = path.join(packages, target)
    fs.rmSync(file)
    const stat = fs.lstatSync(inside, { throwIfNoEntry: false })
    if (stat?.isFile()) fs.copyFileSync(inside, file)
  }
}

/** Packages of newer suites have all in /usr, and count on links that lead there. */
function mergeUsr(packages: string): void {
  for (const name of ['lib', 'lib64']) {
    const link = path.join(packages, name)
    if (!fs.existsSync(link)) fs.symlinkSync(`usr/${name}`, link)
  }
}
