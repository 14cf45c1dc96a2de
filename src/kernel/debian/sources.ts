/** One archive of the machine's package sources that carries Debian itself. */
export interface DebianArchive {
  /** Address of the archive: `http://mirror.example/debian`. */
  uri: string
  kind: 'main' | 'security'
  /** Whether it has the suite of updates between point releases too. */
  updates: boolean
  /** The machine's own decision to trust it without a signature (`trusted=yes`), as for a mirror on a disk. */
  trusted: boolean
}

interface Source {
  uris: string[]
  suites: string[]
  components: string[]
  signedBy: string
  trusted: boolean
  enabled: boolean
  types: string[]
  architectures: string[]
}

/** Debian's own code names and aliases: what tells its archive from others that are built for it. */
const suiteNames = 'bullseye|bookworm|trixie|forky|duke|sid|stable|oldstable|oldoldstable|testing|unstable'
const suitePattern = new RegExp(`^(?:${suiteNames})(?<part>-security|/updates|-updates)?$`)
const schemes = /^(?:https?|file|copy|mirror(?:\+\w+)?|tor\+https?):/
const maxText = 1 << 20

/**
 * The Debian archives among a machine's package sources. Left out are other vendors' (another suite, no component
 * `main`, or a key of their own), disabled ones, installation media, and other architectures.
 * @param files name and text of sources.list and of the files in sources.list.d; names decide the format.
 */
export function debianArchives(files: readonly { name: string; text: string }[]): DebianArchive[] {
  const found = new Map<string, DebianArchive>()
  for (const { name, text } of files) {
    const unix = text.slice(0, maxText).replaceAll('\r', '')
    const sources = name.endsWith('.sources')
      ? parseDeb822(unix)
      : name.endsWith('.list')
        ? parseLines(unix)
        : []
    for (const archive of sources.flatMap(archivesOf)) {
      const key = `${archive.kind} ${archive.uri}`
      const before = found.get(key)
      if (before) before.updates ||= archive.updates
      else found.set(key, archive)
    }
  }
  return [...found.values()]
}

function archivesOf(source: Source): DebianArchive[] {
  const foreignKey = source.signedBy !== '' && !source.signedBy.includes('debian-archive')
  const amd64 = source.architectures.length === 0 || source.architectures.includes('amd64')
  const wanted = source.enabled && source.types.includes('deb') && source.components.includes('main')
  if (!wanted || !amd64 || foreignKey) return []
  const parts = source.suites.flatMap((suite) => {
    const match = suitePattern.exec(suite)
    return match ? [match.groups?.['part'] ?? ''] : []
  })
  if (parts.length === 0) return []
  const security = parts.every((part) => part === '-security' || part === '/updates')
  const uris = source.uris.filter((uri) => schemes.test(uri) && !/\s/.test(uri))
  return uris.map((uri) => ({
    uri: uri.replace(/\/+$/, ''),
    kind: security ? 'security' : 'main',
    updates: parts.includes('-updates'),
    trusted: source.trusted,
  }))
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '')
}

/** One-line format (sources.list(5)): `deb [option=value …] uri suite component…`. */
function parseLines(text: string): Source[] {
  const sources: Source[] = []
  for (const raw of text.split('\n')) {
    const line = raw.replace(/#.*$/, '').trim()
    const match = /^(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(line)
    if (!match) continue
    const options = new Map(
      words(match[2]).map((each) => [each.split('=')[0], each.slice(each.indexOf('=') + 1)]),
    )
    sources.push({
      types: [match[1] ?? ''],
      uris: [match[3] ?? ''],
      suites: [match[4] ?? ''],
      components: words(match[5]),
      signedBy: options.get('signed-by') ?? '',
      trusted: options.get('trusted') === 'yes',
      enabled: true,
      architectures: (options.get('arch') ?? '').split(',').filter((each) => each !== ''),
    })
  }
  return sources
}

/** deb822 format (sources.list(5)): stanzas of `Field: value`, continued on indented lines. */
function parseDeb822(text: string): Source[] {
  const sources: Source[] = []
  for (const stanza of text.replace(/^#.*\n?/gm, '').split(/\n\s*\n/)) {
    const fields = new Map<string, string>()
    let last = ''
    for (const line of stanza.split('\n')) {
      const match = /^([A-Za-z-]+):\s*(.*)$/.exec(line)
      if (match) {
        last = (match[1] ?? '').toLowerCase()
        fields.set(last, (match[2] ?? '').trim())
      } else if (/^\s/.test(line) && last !== '') fields.set(last, `${fields.get(last)} ${line.trim()}`)
    }
    if (!fields.has('uris')) continue
    sources.push({
      types: words(fields.get('types')),
      uris: words(fields.get('uris')),
      suites: words(fields.get('suites')),
      components: words(fields.get('components')),
      signedBy: fields.get('signed-by') ?? '',
      trusted: fields.get('trusted') === 'yes',
      enabled: fields.get('enabled') !== 'no',
      architectures: words(fields.get('architectures')),
    })
  }
  return sources
}
