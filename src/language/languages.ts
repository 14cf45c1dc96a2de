import { UfrError } from '../base/errors.ts'
import { node } from './node/node.ts'
import type { Language } from './program.ts'

interface LanguageKind {
  name: string
  /** Whether a runtime identifier of ufr.json is this language's. */
  speaks(runtime: string): boolean
  load(): Promise<Language>
}

/**
 * All languages. A further one is a folder beside these and an entry here. Node.js is what most functions are and is
 * loaded with the rest, the others only when they are used.
 */
const languages: LanguageKind[] = [
  {
    name: 'node',
    speaks: (runtime) => /^nodejs(\d+\.x)?$/.test(runtime),
    load: async () => node,
  },
  {
    name: 'provided',
    speaks: (runtime) => runtime === 'provided.al2023',
    load: async () => (await import('./provided/provided.ts')).provided,
  },
  {
    name: 'python',
    speaks: (runtime) => /^python(3\.\d{1,2})?$/.test(runtime),
    load: async () => (await import('./python/python.ts')).python,
  },
  {
    name: 'jvm',
    speaks: (runtime) => /^java(\d{1,2})?$/.test(runtime),
    load: async () => (await import('./jvm/jvm.ts')).jvm,
  },
  {
    name: 'native',
    speaks: (runtime) => runtime === 'native',
    load: async () => (await import('./native/native.ts')).native,
  },
]

/**
 * The language of a runtime identifier.
 * @throws UfrError UFR-NOT-YET for one that AWS knows and ufr does not yet.
 */
export async function languageOf(runtime: string): Promise<Language> {
  const kind = languages.find(({ speaks }) => speaks(runtime))
  if (kind) return kind.load()
  throw new UfrError('UFR-NOT-YET', `functions with the runtime ${runtime} cannot be run yet`, {
    fix: 'Use nodejs24.x, nodejs22.x, nodejs20.x, java21, python3.13, python3.11, provided.al2023 or native.',
  })
}
