import fs from 'node:fs'
import path from 'node:path'
import type { Content, ImageTool } from './tool.ts'

/** The tool of Nanos' own build (tools/mkfs.c), without boot loader and kernel: only what ufr writes too. */
export const mkfs: ImageTool = {
  name: 'mkfs',
  kernel: 'nanos',
  variable: 'UFR_BENCH_MKFS',
  prepare(file, content, folder) {
    const input = path.join(folder, 'manifest')
    const image = path.join(folder, 'image')
    fs.writeFileSync(input, mkfsManifest(content))
    return { command: { command: file, args: [image], input }, image }
  },
}

/** A manifest as the tool reads it, with all files and links of a folder. */
export function mkfsManifest({ folder, program }: Content): string {
  const list = program.argv.map(quoted).join(' ')
  return `(children:${children(folder)} program:${quoted(program.executable)} arguments:[${list}])\n`
}

function children(folder: string): string {
  const entries = fs.readdirSync(folder, { withFileTypes: true }).map((entry) => {
    const file = path.join(folder, entry.name)
    const name = quoted(entry.name)
    if (entry.isDirectory()) return `${name}:(children:${children(file)})`
    if (entry.isSymbolicLink()) return `${name}:(linktarget:${quoted(fs.readlinkSync(file))})`
    return `${name}:(contents:(host:${quoted(file)}))`
  })
  return `(${entries.join(' ')})`
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}
