import { UfrError } from '../../base/errors.ts'
import { lastLines } from '../../base/process.ts'

/** What a build with Swift said and how it ended. */
export interface SwiftSaid {
  stdout: string
  stderr: string
  status: number
}

/** What the package manager says of its work, which is no help to anybody. */
const dull =
  /^(\[\d+\/\d+\] (?!.*\berror\b)|Building for |Build complete|Planning build|Fetch(ing|ed) |Comput(ing|ed) |Creating working copy|Working copy of|Updat(ing|ed) |warning: )/
/** Where compilers say that something is. */
const place = /^(\S.*?):\d+:\d+: (?:fatal )?error: /
const unfetched =
  /GitShellError|Failed to clone repository|unable to access|Could not resolve host|failed to fetch|Couldn.t fetch updates|Could not read from remote repository/
/** Words of the package manager's around the compiler's own, or around nothing. */
const wrapped = /^error: .*(Invalid manifest \(compiled with|GitShellError\()/
const mostLines = 40

/**
 * Why a program of Swift could not be built: the compiler's words, the first error with its file and line in the
 * message; where packages cannot be fetched, which.
 */
export function swiftError(folder: string, { stdout, stderr, status }: SwiftSaid): UfrError {
  const all = `${stderr}\n${stdout}`.split('\n').map((line) => line.trimEnd())
  const said = all.filter((line) => line.trim() !== '' && !dull.test(line))
  const whole = said.join('\n')
  if (unfetched.test(whole)) return unfetchedError(folder, all, said)
  const [placed, plain] = [said.findIndex((line) => place.test(line)), said.findIndex(isError)]
  const first = placed >= 0 ? placed : plain
  // The package manager says everything about a manifest twice.
  const until = said.indexOf(said[first] ?? '', first + 1)
  const words = said.slice(first, until < 0 ? undefined : until).filter((line) => !wrapped.test(line))
  const detail =
    first < 0 ? lastLines(whole) : words.slice(0, mostLines).map((line) => fromFolder(line, folder))
  const what = (detail[0] ?? `it ended with status ${status}`).replace(/^error: ('[^']*': )?/, '').trim()
  const fix = fixFor(whole)
  return new UfrError('UFR-BUILD', `swift cannot build ${folder}: ${what}`, { detail, ...(fix && { fix }) })
}

function isError(line: string): boolean {
  return /\berror: /.test(line) && !wrapped.test(line)
}

function fromFolder(line: string, folder: string): string {
  return line.startsWith(`${folder}/`) ? line.slice(folder.length + 1) : line
}

function fixFor(said: string): string | undefined {
  if (/is using Swift tools version \S+ but the installed version/.test(said))
    return 'Install a newer toolchain from swift.org, so that its `swiftc` is on PATH: it is used before any other.'
  if (/undefined (symbol|reference).*\bmain\b/.test(said))
    return 'A program begins in main.swift, or in a type with @main.'
  return undefined
}

function unfetchedError(folder: string, all: readonly string[], said: readonly string[]): UfrError {
  const asked = all.flatMap(
    (line) => /^(?:Fetching|error: Failed to clone repository) (\S+?):?$/.exec(line)?.[1] ?? [],
  )
  const names = [...new Set(asked)]
  const what = names.length > 0 ? names.join(', ') : 'its packages'
  const why = said.map((line) => /^\s*fatal: (.*)$/.exec(line)?.[1]).find((each) => each !== undefined)
  return new UfrError(
    'UFR-BUILD',
    `${folder}/Package.swift depends on packages that cannot be fetched: ${what}${why ? `: ${why}` : ''}`,
    {
      fix: 'Check the network and the proxy settings of git (`git ls-remote ADDRESS` tells), or depend on a copy: .package(path: "…").',
      detail: said.filter((line) => !wrapped.test(line) && line.trim() !== '>)').slice(0, mostLines),
    },
  )
}
