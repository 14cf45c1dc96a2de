import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic } from '../../base/atomic.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { digestOf } from '../../image/digest.ts'
import { type Artifact, fetchArtifact } from './central.ts'

/** A Kotlin compiler: jars to run on any Java. */
export interface Kotlin {
  version: string
  /** Absolute paths: what the compiler runs with. */
  compiler: string[]
  /** Absolute path of the library that compiled Kotlin needs at run time. */
  stdlib: string
  key: string
}

const kotlinVersion = '2.4.21'
const coroutinesVersion = '1.8.0'

/** What the compiler's POM names and running it takes. */
const jars: Artifact[] = [
  artifact('kotlin-compiler-embeddable', 'ef19419c765e7ac8404465fa026ca8fc4dbb8a822de0fc79aa53c8dce29f1d02'),
  artifact('kotlin-stdlib', 'bd8250210584cb659847dce9cda660f8e9906e5def7fbebcea93dc6dcb6a88a3'),
  artifact('kotlin-script-runtime', 'a658cf5902a1525a06c264a5e42b437e97a6679ddeef8ca641246f270cf6a013'),
  artifact('kotlin-daemon-embeddable', '7b3ef24674e5bcffcadfc4e43202ea314194939ecbcdd90a4770b2f1b04e0d07'),
  {
    path: `org/jetbrains/kotlinx/kotlinx-coroutines-core-jvm/${coroutinesVersion}/kotlinx-coroutines-core-jvm-${coroutinesVersion}.jar`,
    sha256: '9860906a1937490bf5f3b06d2f0e10ef451e65b95b269f22daf68a3d1f5065c5',
  },
  {
    path: 'org/jetbrains/annotations/13.0/annotations-13.0.jar',
    sha256: 'ace2a10dc8e2d5fd34925ecac03e4988b2c0f851650c94b8cef49ba1bd111478',
  },
]

function artifact(name: string, sha256: string): Artifact {
  return { path: `org/jetbrains/kotlin/${name}/${kotlinVersion}/${name}-${kotlinVersion}.jar`, sha256 }
}

/**
 * The Kotlin compiler of the store, fetched from Maven Central where it is not there.
 * @throws UfrError UFR-RUNTIME where it cannot be had, UFR-CHECKSUM where a file is not the one that is expected.
 */
export async function ensureKotlin(progress: Progress): Promise<Kotlin> {
  const folder = homePath(
    'kotlin',
    `${kotlinVersion}-${digestOf(...jars.map(({ sha256 }) => sha256)).slice(0, 12)}`,
  )
  const files = jars.map((each) => path.join(folder, path.basename(each.path)))
  const kotlin: Kotlin = {
    version: kotlinVersion,
    compiler: files,
    stdlib: files[1]!,
    key: digestOf(...jars.map(({ sha256 }) => sha256)),
  }
  if (fs.existsSync(folder)) return kotlin
  const make = async () => {
    if (fs.existsSync(folder)) return
    await createFolderAtomic(folder, (made) => fetchJars(made, progress))
  }
  await withLock(homePath('kotlin', 'lock'), make, { progress, what: `Kotlin ${kotlinVersion}` })
  return kotlin
}

async function fetchJars(folder: string, progress: Progress): Promise<void> {
  for (const each of jars) {
    const file = path.join(folder, path.basename(each.path))
    await fetchArtifact(each, file, progress, {
      what: `The Kotlin compiler ${kotlinVersion}`,
      instead: 'build the function elsewhere and give its jar',
    })
  }
}
