import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { readText } from '../../base/text.ts'
import { fileSha256 } from '../download/checksum.ts'

export interface Requirements {
  /** What is required, as written, without versions: for messages. */
  names: string[]
  /** Everything that decides what is installed: the texts of the files, and the contents of wheels that they name. */
  inputs: string[]
}

const maxFiles = 20
const maxLines = 10_000

/**
 * Reads a requirements file in pip's format as far as ufr has to know it: which other files it takes in, and what of it
 * would have to be built.
 * @throws UfrError UFR-REQUIREMENTS naming file and line for what is a folder, an editable install or an archive of
 * sources, and for a file that is not there.
 */
export function readRequirements(file: string): Requirements {
  const found: Requirements = { names: [], inputs: [] }
  const seen = new Set<string>()
  const read = (at: string, by: string): void => {
    if (seen.has(at)) return
    seen.add(at)
    if (seen.size > maxFiles) throw wrong(by, `more than ${maxFiles} files are taken in`)
    const text = readText(at, 'UFR-REQUIREMENTS')
    if (text === undefined) throw wrong(by, `there is no file ${at}`)
    if (text.includes('\0')) throw wrong(by, `${at} is no text`)
    found.inputs.push(text)
    const lines = joined(text)
    if (lines.length > maxLines) throw wrong(at, `more than ${maxLines} lines`)
    for (const { line, number } of lines) readLine(line, `${at}:${number}`, path.dirname(at), found, read)
  }
  read(file, file)
  return found
}

/** Lines without comments, those that end in a backslash put together with the next ones. */
function joined(text: string): { line: string; number: number }[] {
  const lines: { line: string; number: number }[] = []
  let before = ''
  let first = 1
  for (const [i, raw] of text.split(/\r?\n/).entries()) {
    if (before === '') first = i + 1
    if (raw.endsWith('\\') && !/^\s*#/.test(raw)) {
      before += `${raw.slice(0, -1)} `
      continue
    }
    const line = `${before}${raw}`.replace(/(^|\s)#.*$/, '').trim()
    before = ''
    if (line !== '') lines.push({ line, number: first })
  }
  return lines
}

function readLine(
  line: string,
  where: string,
  folder: string,
  found: Requirements,
  read: (file: string, by: string) => void,
): void {
  const option = /^(-[a-z]|--[a-z-]+)(?:[ \t=]+|(?<=^-[a-z]))(\S.*)?$/i.exec(line)
  if (option) {
    const [, name = '', value = ''] = option
    if (/^(-r|--requirement|-c|--constraint)$/.test(name)) read(path.resolve(folder, value.trim()), where)
    else if (/^(-e|--editable)$/.test(name)) throw mustBeBuilt(where, value)
    return
  }
  const [first = ''] = line.split(/[\s;]/)
  const named = /^([\w.-]+)(?:\[[^\]]*\])?\s*@\s*(\S+)/.exec(line)
  const place = named?.[2] ?? first
  found.names.push(named?.[1] ?? /^[\w.-]+/.exec(first)?.[0] ?? first)
  if (/^(https?|git\+\w+|hg\+\w+|svn\+\w+|bzr\+\w+):/.test(place)) {
    if (!/\.whl(#|$)/.test(place)) throw mustBeBuilt(where, place)
    return
  }
  const isPath =
    place.startsWith('file:') || /^\.{0,2}\//.test(place) || /\.(whl|zip|tar\.\w+|tgz)$/.test(place)
  if (!isPath) return
  const local = path.resolve(folder, plainPath(place))
  if (!local.endsWith('.whl')) throw mustBeBuilt(where, place)
  if (!fs.statSync(local, { throwIfNoEntry: false })?.isFile())
    throw wrong(where, `there is no file ${local}`)
  found.inputs.push(fileSha256(local))
}

/** The path of a `file:` address, or what is a path already. */
function plainPath(place: string): string {
  const match = /^file:(?:\/\/(?:localhost)?)?([^#]*)/.exec(place)
  if (!match) return place
  try {
    return decodeURIComponent(match[1]!)
  } catch {
    return match[1]!
  }
}

function mustBeBuilt(where: string, what: string): UfrError {
  return new UfrError(
    'UFR-REQUIREMENTS',
    `${where}: ${what} would have to be built, and only wheels are taken`,
    {
      fix: 'Build a wheel of it (`pip wheel --no-deps …`) and name its file, as in ./wheels/name-1.0-py3-none-any.whl; or put its package into the folder of the function.',
    },
  )
}

function wrong(where: string, what: string): UfrError {
  return new UfrError('UFR-REQUIREMENTS', `${where}: ${what}`)
}
