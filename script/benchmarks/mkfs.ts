import fs from 'node:fs'
import path from 'node:path'

/** Upstream's own tool for Nanos images, where UFR_BENCH_MKFS names it: another comparison. */
export function findMkfs(): string | undefined {
  return process.env['UFR_BENCH_MKFS'] || undefined
}

/** A manifest as that tool reads it, with all files and links of a folder. */
export function mkfsManifest(folder: string): string {
  const entries = fs.readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const file = path.join(folder, entry.name)
    const name = quoted(entry.name)
    if (entry.isDirectory()) return `${name}:${mkfsManifest(file)}`
    if (entry.isSymbolicLink()) return `${name}:(linktarget:${quoted(fs.readlinkSync(file))})`
    return `${name}:(contents:(host:${quoted(file)}))`
  })
  return `(children:(${entries.join(' ')}))`
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}
