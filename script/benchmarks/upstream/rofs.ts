import fs from 'node:fs'
import path from 'node:path'
import type { ImageTool } from './tool.ts'

/** OSv's generator of read-only file systems: only that step of its image scripts. */
export const rofs: ImageTool = {
  name: 'gen-rofs-img.py',
  kernel: 'osv',
  variable: 'UFR_BENCH_ROFS',
  prepare(file, content, folder) {
    const manifest = path.join(folder, 'manifest')
    const image = path.join(folder, 'image')
    fs.writeFileSync(manifest, rofsManifest(content.folder))
    // It strips libraries that lie below the folder in which it runs: this one holds none.
    const command = { command: 'python3', args: [file, '-o', image, '-m', manifest], cwd: folder }
    return { command, image }
  },
}

/** A manifest as the script reads it: a line each for all files, links and folders of a folder. */
export function rofsManifest(folder: string): string {
  return `[manifest]\n${lines(folder, '').join('')}`
}

function lines(folder: string, at: string): string[] {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name)
    // It takes what stands behind the colon for a format of Python's.
    const from = entry.isSymbolicLink() ? `->${fs.readlinkSync(file)}` : file
    const line = `${at}/${entry.name}: ${from.replaceAll('%', '%%')}\n`
    return [line, ...(entry.isDirectory() ? lines(file, `${at}/${entry.name}`) : [])]
  })
}
