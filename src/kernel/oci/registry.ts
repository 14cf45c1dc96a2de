import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { UfrError } from '../../base/errors.ts'
import {
  type Descriptor,
  type Index,
  type Manifest,
  maxDocumentBytes,
  mediaTypes,
  parseDocument,
} from '../../image/container/document.ts'
import {
  type Downloaded,
  type DownloadOptions,
  download,
  downloadBytes,
  downloadChallenge,
  downloadStatus,
} from '../download/download.ts'
import { parseChallenges } from './challenge.ts'
import { type Reference, registryAddress, showReference } from './reference.ts'

/** An index or a manifest with the digest of its bytes, which names it for ever. */
export type Document = (Index | Manifest) & { digest: string }

/** A repository of a registry that speaks OCI's distribution protocol; without a password, so what is public there. */
export interface Repository {
  /**
   * What a tag or digest stands for.
   * @throws UfrError UFR-DOWNLOAD; UFR-CHECKSUM where it is not what its digest says; UFR-FORMAT.
   */
  document(what: { tag: string } | { digest: string; size?: number }): Promise<Document>
  /**
   * Downloads something to a file.
   * @throws UfrError UFR-DOWNLOAD, UFR-CHECKSUM where it is not what its digest or size says (nothing is kept).
   */
  blob(descriptor: Descriptor, file: string): Promise<Downloaded>
}

const maxTokenBytes = 65_536
const tokenPattern = /^[\w.~+/=-]{1,65536}$/

/** @param options of every request; `headers` are this protocol's. */
export function openRepository(reference: Reference, options: DownloadOptions = {}): Repository {
  const { registry, repository } = reference
  const base = `${registryAddress(registry)}/v2/${repository}`
  let authorization: string | undefined

  /** Asks; where that needs a token, gets one and asks again. */
  async function ask<T>(request: (headers: Record<string, string>) => Promise<T>): Promise<T> {
    const headers = () => (authorization === undefined ? {} : { authorization })
    try {
      return await request(headers())
    } catch (error) {
      const challenge = downloadStatus(error) === 401 ? downloadChallenge(error) : undefined
      if (challenge === undefined) throw withHint(error, reference)
      authorization = `Bearer ${await tokenFor(challenge, error)}`
    }
    try {
      return await request(headers())
    } catch (error) {
      throw withHint(error, reference)
    }
  }

  async function tokenFor(header: string, refused: unknown): Promise<string> {
    const challenge = parseChallenges(header).find(({ scheme }) => scheme === 'bearer')
    const realm = challenge?.parameters['realm'] ?? ''
    const url = URL.canParse(realm) ? new URL(realm) : undefined
    if (!challenge || (url?.protocol !== 'https:' && url?.protocol !== 'http:'))
      throw needsPassword(reference, refused)
    const { service, scope = `repository:${repository}:pull` } = challenge.parameters
    if (service !== undefined) url.searchParams.set('service', service)
    url.searchParams.set('scope', scope)
    const { bytes } = await downloadBytes(url.href, { ...options, maxBytes: maxTokenBytes })
    const token = tokenIn(bytes)
    if (token === undefined) {
      throw new UfrError('UFR-DOWNLOAD', `${url.host} answered with no token for ${registry}/${repository}`)
    }
    return token
  }

  async function document(what: { tag: string } | { digest: string; size?: number }): Promise<Document> {
    const id = 'tag' in what ? what.tag : what.digest
    const shown = showReference({ registry, repository, tag: undefined, digest: undefined, ...what })
    const accept = [...mediaTypes.index, ...mediaTypes.manifest].join(', ')
    const { bytes, headers } = await ask((token) =>
      downloadBytes(`${base}/manifests/${id}`, {
        ...options,
        headers: { accept, ...token },
        maxBytes: maxDocumentBytes,
      }),
    )
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
    const told = headers['docker-content-digest']
    if ('digest' in what) {
      checkDigest(shown, digest, what.digest)
      checkSize(shown, bytes.length, what.size)
    } else if (typeof told === 'string' && told.startsWith('sha256:')) checkDigest(shown, digest, told)
    return { ...parseDocument(bytes, headers['content-type'], shown), digest }
  }

  async function blob({ digest, size }: Descriptor, file: string): Promise<Downloaded> {
    const sha256 = digest.slice('sha256:'.length)
    const got = await ask((headers) =>
      download(`${base}/blobs/${digest}`, file, {
        ...options,
        headers,
        expected: { sha256 },
        maxBytes: size,
      }),
    )
    if (got.bytes !== size) fs.rmSync(file, { force: true })
    checkSize(`${registry}/${repository}@${digest}`, got.bytes, size)
    return got
  }

  return { document, blob }
}

function tokenIn(bytes: Buffer): string | undefined {
  try {
    const answer: unknown = JSON.parse(bytes.toString())
    const { token, access_token } = (answer ?? {}) as Record<string, unknown>
    const found = token ?? access_token
    return typeof found === 'string' && tokenPattern.test(found) ? found : undefined
  } catch {
    return undefined
  }
}

function checkDigest(shown: string, actual: string, expected: string): void {
  if (actual === expected) return
  throw new UfrError('UFR-CHECKSUM', `${shown} is not what its digest says`, {
    detail: [`expected ${expected}`, `actual   ${actual}`],
  })
}

function checkSize(shown: string, actual: number, expected: number | undefined): void {
  if (expected === undefined || actual === expected) return
  throw new UfrError('UFR-CHECKSUM', `${shown} has ${actual} bytes, not ${expected} as its manifest says`)
}

function needsPassword(reference: Reference, cause: unknown): UfrError {
  return new UfrError(
    'UFR-DOWNLOAD',
    `${reference.registry} wants a user and a password, which ufr does not have`,
    {
      fix: 'Take an image that anyone may pull, or a mirror of it without a password (UFR_MIRROR).',
      cause,
    },
  )
}

/** A registry says 401 or 403 of what is not there to those who may not know. */
function withHint(error: unknown, reference: Reference): unknown {
  const status = downloadStatus(error)
  if (!(error instanceof UfrError) || (status !== 401 && status !== 403 && status !== 404)) return error
  return new UfrError('UFR-DOWNLOAD', `${showReference(reference)} cannot be had: ${error.message}`, {
    fix: status === 404 ? 'Check name and tag.' : 'Check name and tag: it is not there, or not for everyone.',
    cause: error.cause,
  })
}
