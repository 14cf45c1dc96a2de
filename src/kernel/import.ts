import type { Provenance } from './record.ts'

/** What every import takes besides its path. Set by `ufr kernel build`, which imports what it built. */
export interface ImportOptions {
  /** Version in the store, instead of the one that the files tell. */
  version?: string
  /** Version in the store where the files tell none. */
  elseVersion?: string
  /** Where the files are from, where they were not simply given by their path. */
  provenance?: Pick<Provenance, 'how' | 'from' | 'build'>
}

/** The version of what is imported: as asked, as its files tell, or the first digits of its main file's sha256. */
export function importedVersion(options: ImportOptions, told: string | undefined, sha256: string): string {
  return options.version ?? told ?? options.elseVersion ?? `sha256-${sha256.slice(0, 12)}`
}

/** How what is imported was had: as the options say, or by an import of that path. */
export function importedFrom(options: ImportOptions, path: string, sha256: string): Omit<Provenance, 'at'> {
  return { how: 'import', from: path, sha256, ...options.provenance }
}
