import fs from 'node:fs'
import path from 'node:path'
import { ufrHome } from '../../src/base/paths.ts'

/**
 * Gives `use` a folder for everything that a benchmark writes, and removes it. It is in UFR_HOME, so that images lie in
 * the file system where they always do, and it becomes UFR_HOME: kernels and runtimes are those that are there, images
 * are new.
 */
export async function withWorkplace<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const home = fs.realpathSync(ufrHome())
  const folder = fs.mkdtempSync(path.join(home, '.tmp-bench-'))
  const before = process.env['UFR_HOME']
  try {
    const own = path.join(folder, 'home')
    fs.mkdirSync(own)
    for (const name of ['cache', 'kernels', 'node', 'runtimes', 'vmms']) {
      const shared = path.join(home, name)
      if (fs.existsSync(shared)) fs.symlinkSync(shared, path.join(own, name))
    }
    process.env['UFR_HOME'] = own
    return await use(folder)
  } finally {
    if (before === undefined) delete process.env['UFR_HOME']
    else process.env['UFR_HOME'] = before
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
