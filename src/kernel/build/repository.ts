import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { shownUrl } from '../download/proxy.ts'

/** A git repository as it was asked for. */
export interface Repository {
  /** What git is given. */
  url: string
  /** For messages and records: without user and password. */
  shown: string
  /** Whether it is a folder of this machine. */
  local: boolean
  /** Name of the folder that a clone of it gets. */
  name: string
}

const schemes = ['https:', 'http:', 'ssh:', 'git:', 'file:']
const helperPattern = /^[A-Za-z0-9][A-Za-z0-9+.-]*::/
const urlPattern = /^([A-Za-z][A-Za-z0-9+.-]*:)\/\/(?:[^/]*@)?(.?)/
const scpPattern = /^([^/:@]+@)?([^/:]+):/
const control = /[\0-\x1f\x7f]/

/**
 * Reads what --repo gives: an address of the kinds that git itself fetches over, `user@host:path`, or a folder. Nothing
 * that git would take for an option, or for a command to run (`ext::…`).
 * @throws UfrError UFR-USAGE for anything else; UFR-BUILD-SOURCE for a folder that is not there.
 */
export function parseRepository(given: string): Repository {
  const refuse = (why: string) =>
    new UfrError('UFR-USAGE', `--repo ${JSON.stringify(given)} ${why}`, {
      fix: 'Give an address such as https://HOST/PATH or user@HOST:PATH, or a folder.',
    })
  if (given === '' || given.startsWith('-') || control.test(given)) throw refuse('is no address')
  if (helperPattern.test(given)) throw refuse('would have git run a program of its own choice')
  const url = urlPattern.exec(given)
  if (url) {
    if (!schemes.includes(url[1]!.toLowerCase())) throw refuse(`has an unknown kind of address, ${url[1]}`)
    if (url[2] === '' || url[2] === '-' || !URL.canParse(given)) throw refuse('is no address')
    return named(given, withoutSecrets(given), url[1]!.toLowerCase() === 'file:')
  }
  const scp = scpPattern.exec(given)
  if (scp) {
    if (scp[2]!.startsWith('-')) throw refuse('is no address')
    return named(given, given, false)
  }
  const folder = path.resolve(given)
  if (fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return named(folder, folder, true)
  throw new UfrError('UFR-BUILD-SOURCE', `${folder} is no folder`, {
    fix: 'Give an address such as https://HOST/PATH, or a folder with a git repository.',
  })
}

/** ssh has a user for an account's name, http for a token at times. */
function withoutSecrets(given: string): string {
  const url = new URL(given)
  if (url.protocol !== 'ssh:') return url.username || url.password ? shownUrl(url) : given
  if (url.password === '') return given
  url.password = ''
  return url.href
}

function named(url: string, shown: string, local: boolean): Repository {
  const last = shown
    .replace(/\/+$/, '')
    .replace(/(\/\.git|\.git)$/, '')
    .split(/[/:]/)
    .at(-1)!
  const good = /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}$/.test(last)
  return { url, shown, local, name: good ? last : 'source' }
}

/**
 * Checks what --ref gives, by the rules of git-check-ref-format and for nothing that git takes for an option.
 * @throws UfrError UFR-USAGE
 */
export function checkRef(ref: string): void {
  const wrong =
    ref === '' ||
    ref === '@' ||
    ref.length > 250 ||
    /^[-/.]|[/.]$|\.lock$|\.\.|\/[/.]|@\{|[\0-\x20\x7f~^:?*[\\]/.test(ref)
  if (!wrong) return
  throw new UfrError('UFR-USAGE', `--ref ${JSON.stringify(ref)} can name no branch, tag or commit`, {
    fix: 'Give a branch, a tag or the 40 digits of a commit.',
  })
}
