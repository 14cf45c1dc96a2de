import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic, withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { type DebianOptions, type FetchedPackage, fetchPackages } from '../debian/packages.ts'
import {
  listRuntimes,
  type Runtime,
  type RuntimePackage,
  readRuntime,
  recordText,
  runtimeFolder,
  runtimeRecord,
} from '../runtimes.ts'
import { fetchNodeBinary, type NodeBinary, nodePackage } from './npm.ts'
import { buildRuntimeRoot, folderKey, runtimePackages } from './runtime-root.ts'

export interface NodeRuntimeOptions extends DebianOptions {
  /** Ask npm for a newer version although one of this major is there. */
  refresh?: boolean
}

/**
 * The Node.js runtime of a major version: from the store, without any network, else the program from the npm package
 * of official binaries and its libraries from Debian's packages. Nothing of it comes from the host.
 * @throws UfrError UFR-RUNTIME where the major does not exist or npm fails; UFR-DEBIAN where the packages cannot be had.
 */
export async function ensureNodeRuntime(
  major: number,
  progress: Progress,
  options: NodeRuntimeOptions = {},
): Promise<Runtime> {
  const there = options.refresh ? undefined : storedRuntime(major)
  if (there) return there
  if (!Number.isSafeInteger(major) || major < 0)
    throw new UfrError('UFR-RUNTIME', `There is no Node.js ${major}`)
  return withLock(
    homePath('runtimes', 'node.lock'),
    async () =>
      (options.refresh ? undefined : storedRuntime(major)) ?? (await makeRuntime(major, progress, options)),
    { progress, what: `Node.js ${major}` },
  )
}

/** The newest runtime of a major in the store. @throws UfrError UFR-STORE-RECORD where the only one is broken. */
function storedRuntime(major: number): Runtime | undefined {
  const fits = (each: { language: string; version: string }) =>
    each.language === 'node' && each.version.split('.')[0] === String(major)
  const { runtimes, broken } = listRuntimes()
  const newest = runtimes.find(fits)
  const damaged = broken.find(fits)
  if (!newest && damaged) throw damaged.error
  return newest
}

async function makeRuntime(major: number, progress: Progress, options: NodeRuntimeOptions): Promise<Runtime> {
  return withTemporaryFolder(homePath('downloads'), async (folder) => {
    const [npmFolder, packages] = [path.join(folder, 'npm'), path.join(folder, 'debian')]
    fs.mkdirSync(npmFolder)
    fs.mkdirSync(packages)
    try {
      progress.step(`Getting Node.js ${major} through npm (package ${nodePackage})`)
      const node = await fetchNodeBinary(major, npmFolder, options.run)
      const fetched = await fetchPackages(runtimePackages, packages, progress, options)
      progress.step(`Laying out the runtime of Node.js ${node.version}`)
      await createFolderAtomic(runtimeFolder('node', node.version), (made) =>
        layOut(made, node, packages, fetched),
      )
      return readRuntime('node', node.version)
    } finally {
      progress.done()
    }
  })
}

function layOut(made: string, node: NodeBinary, packages: string, fetched: readonly FetchedPackage[]): void {
  const root = path.join(made, 'root')
  buildRuntimeRoot(root, { name: 'node', file: node.file }, packages)
  const sources: RuntimePackage[] = [
    { from: 'npm', name: nodePackage, version: node.version, sha256: node.sha256 },
    ...fetched.map(({ name, version, sha256 }) => ({ from: 'debian', name, version, sha256 })),
  ]
  const record = {
    language: 'node',
    version: node.version,
    key: folderKey(root),
    packages: sources,
    at: new Date().toISOString(),
  }
  fs.writeFileSync(path.join(made, runtimeRecord), recordText(record), { flush: true })
}
