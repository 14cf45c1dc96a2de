import { UfrError } from '../../base/errors.ts'
import { maxDocumentBytes, readJson } from './document.ts'

/** What an image says of how it is run (OCI image-spec, config.md); Docker's own form has the same names. */
export interface ImageConfig {
  os: string
  architecture: string
  user: string
  /** As written: `8080/tcp`. */
  exposedPorts: string[]
  environment: Record<string, string>
  entrypoint: string[]
  command: string[]
  workingDirectory: string
  volumes: string[]
  /** sha256 of each layer as it is unpacked, 64 digits each, the lowest first. */
  diffIds: string[]
}

const maxItems = 10_000
const maxTextLength = 128 * 1024
const maxLayers = 1000

/**
 * @param shown how the configuration is named in messages.
 * @throws UfrError UFR-FORMAT for what is none, or beyond the limits.
 */
export function parseImageConfig(bytes: Buffer, shown: string): ImageConfig {
  const wrong = (why: string, cause?: unknown) =>
    new UfrError('UFR-FORMAT', `${shown} is no configuration of a container image: ${why}`, { cause })
  if (bytes.length > maxDocumentBytes) throw wrong(`it has ${bytes.length} bytes`)

  function object(value: unknown, what: string): Record<string, unknown> {
    if (value === undefined || value === null) return {}
    if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
    throw wrong(`${what} is no object`)
  }

  function text(value: unknown, what: string): string {
    if (value === undefined || value === null) return ''
    if (typeof value === 'string' && value.length <= maxTextLength && !value.includes('\0')) return value
    throw wrong(`${what} is no text, has a NUL, or is too long`)
  }

  function texts(value: unknown, what: string): string[] {
    if (value === undefined || value === null) return []
    if (!Array.isArray(value) || value.length > maxItems) throw wrong(`${what} is no list, or too long`)
    return value.map((each) => text(each, what))
  }

  function keys(value: unknown, what: string): string[] {
    const found = Object.keys(object(value, what))
    if (found.length > maxItems) throw wrong(`${what} has ${found.length} entries`)
    return found.map((each) => text(each, what))
  }

  const root = object(readJson(bytes, wrong), 'it')
  const config = object(root['config'], 'config')
  const rootfs = object(root['rootfs'], 'rootfs')
  const diffIds = texts(rootfs['diff_ids'], 'rootfs.diff_ids')
  if (diffIds.length > maxLayers) throw wrong(`it has ${diffIds.length} layers`)
  const strange = diffIds.find((id) => !/^sha256:[0-9a-f]{64}$/.test(id))
  if (strange !== undefined) throw wrong(`${JSON.stringify(strange.slice(0, 100))} is no sha256`)
  return {
    os: text(root['os'], 'os'),
    architecture: text(root['architecture'], 'architecture'),
    user: text(config['User'], 'User'),
    exposedPorts: keys(config['ExposedPorts'], 'ExposedPorts'),
    environment: environmentOf(texts(config['Env'], 'Env')),
    entrypoint: texts(config['Entrypoint'], 'Entrypoint'),
    command: texts(config['Cmd'], 'Cmd'),
    workingDirectory: text(config['WorkingDir'], 'WorkingDir'),
    volumes: keys(config['Volumes'], 'Volumes'),
    diffIds: diffIds.map((id) => id.slice('sha256:'.length)),
  }
}

/** A word without `=` sets nothing, as in Docker; the last of a name counts. */
function environmentOf(words: string[]): Record<string, string> {
  const environment: Record<string, string> = Object.create(null)
  for (const word of words) {
    const equals = word.indexOf('=')
    if (equals > 0) environment[word.slice(0, equals)] = word.slice(equals + 1)
  }
  return { ...environment }
}
