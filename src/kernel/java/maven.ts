import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic, withTemporaryFolder } from '../../base/atomic.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { extractTarGz } from '../download/archive.ts'
import { type Artifact, fetchArtifact } from './central.ts'

const version = '3.9.16'
const distribution: Artifact = {
  path: `org/apache/maven/apache-maven/${version}/apache-maven-${version}-bin.tar.gz`,
  sha256: '80ffca22aed9e8b9713a232f3394fd81d7f20322df75efdb2b047dbd3e3a23bb',
}

/**
 * The `mvn` of the store, fetched from Maven Central where it is not there: for projects without a wrapper, on hosts
 * without Maven.
 * @throws UfrError UFR-RUNTIME where it cannot be had, UFR-CHECKSUM where it is not the one that is expected.
 */
export async function ensureMaven(progress: Progress): Promise<string> {
  const folder = homePath('maven', `${version}-${distribution.sha256.slice(0, 12)}`)
  const command = path.join(folder, `apache-maven-${version}`, 'bin/mvn')
  if (fs.existsSync(folder)) return command
  const instead = 'install Maven (sudo apt-get install maven), or add its wrapper to the project'
  const make = async () => {
    if (fs.existsSync(folder)) return
    await withTemporaryFolder(homePath('downloads'), async (packed) => {
      const file = path.join(packed, path.basename(distribution.path))
      await fetchArtifact(distribution, file, progress, { what: `Maven ${version}`, instead })
      await createFolderAtomic(folder, (made) => extractTarGz(file, made))
    })
  }
  await withLock(homePath('maven', 'lock'), make, { progress, what: `Maven ${version}` })
  return command
}
