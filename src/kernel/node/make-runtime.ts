import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic, withTemporaryFolder } from '../../base/atomic.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { type DebianOptions, type FetchedPackage, fetchPackages } from '../debian/packages.ts'
import { type Owners, writeOwners } from '../runtime-owners.ts'
import { buildRuntimeRoot, folderKey, runtimePackages } from '../runtime-root.ts'
import {
  type Runtime,
  type RuntimePackage,
  readRuntime,
  recordText,
  runtimeFolder,
  runtimeRecord,
} from '../runtimes.ts'
import { fetchNodeBinary, type NodeBinary, nodePackage } from './npm.ts'

/**
 * Fetches a Node.js runtime into the store: the program from the npm package of official binaries, its libraries from
 * Debian's packages.
 * @throws UfrError UFR-RUNTIME where the major does not exist or npm fails; UFR-DEBIAN where the packages cannot be had.
 */
export async function makeNodeRuntime(
  major: number,
  progress: Progress,
  options: DebianOptions,
): Promise<Runtime> {
  return withTemporaryFolder(homePath('downloads'), async (folder) => {
    const [npmFolder, packages] = [path.join(folder, 'npm'), path.join(folder, 'debian')]
    fs.mkdirSync(npmFolder)
    fs.mkdirSync(packages)
    try {
      progress.step(`Getting Node.js ${major} through npm (package ${nodePackage})`)
      const node = await fetchNodeBinary(major, npmFolder, options.run)
      const owners: Owners = new Map()
      const fetched = await fetchPackages(runtimePackages, packages, progress, { ...options, owners })
      progress.step(`Laying out the runtime of Node.js ${node.version}`)
      await createFolderAtomic(runtimeFolder('node', node.version), (made) => {
        layOut(made, node, packages, fetched)
        writeOwners(made, packages, owners, { 'usr/bin/node': `npm's ${nodePackage} ${node.version}` })
      })
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
    program: 'usr/bin/node',
    key: folderKey(root),
    packages: sources,
    at: new Date().toISOString(),
  }
  fs.writeFileSync(path.join(made, runtimeRecord), recordText(record), { flush: true })
}
