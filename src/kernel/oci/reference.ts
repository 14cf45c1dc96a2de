import { UfrError } from '../../base/errors.ts'

/** Where an image is: `REGISTRY/REPOSITORY:TAG`, or `@DIGEST` instead of or behind the tag. */
export interface Reference {
  /** Host, with its port where it is not that of the protocol. */
  registry: string
  repository: string
  tag: string | undefined
  digest: string | undefined
}

// The grammar is that of github.com/distribution/reference, and of OCI's distribution-spec ("Pulling manifests").
const host =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/
const repositoryPart = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const tagPattern = /^\w[\w.-]{0,127}$/
const digestPattern = /^sha256:[0-9a-f]{64}$/
const maxLength = 1024

/**
 * Reads a reference. What comes before the first slash is a registry where it has a dot or a port, or is localhost.
 * @param registry for a reference that names none.
 * @throws UfrError UFR-USAGE saying what is wrong with it.
 */
export function parseReference(text: string, registry?: string): Reference {
  const wrong = (why: string) =>
    new UfrError('UFR-USAGE', `${JSON.stringify(text.slice(0, 200))} is no reference of an image: ${why}`, {
      fix: 'References look like registry.example/name:tag, or end with @sha256: and 64 digits.',
    })
  if (text.length > maxLength) throw wrong('it is too long')
  const [named, digest, ...more] = text.split('@')
  if (more.length > 0 || (digest !== undefined && !digestPattern.test(digest))) {
    throw wrong('its digest is not sha256: and 64 digits in small letters')
  }
  const slash = named!.indexOf('/')
  const first = slash < 0 ? '' : named!.slice(0, slash)
  const own = /[.:]/.test(first) || first === 'localhost'
  const where = own ? first : registry
  if (where === undefined) throw wrong('it names no registry')
  if (!host.test(where)) throw wrong(`${JSON.stringify(where)} is no host`)
  const rest = own ? named!.slice(slash + 1) : named!
  const colon = rest.lastIndexOf(':')
  const repository = colon < 0 ? rest : rest.slice(0, colon)
  const tag = colon < 0 ? undefined : rest.slice(colon + 1)
  if (!repository.split('/').every((part) => repositoryPart.test(part)))
    throw wrong('its name has characters other than small letters, digits and separators')
  if (tag !== undefined && !tagPattern.test(tag)) throw wrong('its tag has characters that no tag has')
  return { registry: where, repository, tag, digest }
}

/** A reference as people write it. */
export function showReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

/** Docker's own registry answers under another name than the one that people write. */
const apiHosts: Record<string, string> = { 'docker.io': 'registry-1.docker.io' }

/** Base address of a registry's API, without a slash at its end; on loopback it is plain http, as everywhere. */
export function registryAddress(registry: string): string {
  const name = registry.replace(/:\d+$/, '')
  const loopback = name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name)
  return `${loopback ? 'http' : 'https'}://${apiHosts[registry] ?? registry}`
}
