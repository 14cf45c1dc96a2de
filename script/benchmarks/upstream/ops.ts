import fs from 'node:fs'
import path from 'node:path'
import { environmentIn, placeRelease } from '../../../src/bench/peers/ops.ts'
import { findKernel } from '../../../src/kernel/store.ts'
import type { ImageTool } from './tool.ts'

/** The command line of Nanos' makers: always a disk with boot loader and kernel. Its home: see `environmentIn`. */
export const ops: ImageTool = {
  name: 'ops image create',
  kernel: 'nanos',
  variable: 'UFR_BENCH_OPS',
  prepare(file, content, folder) {
    const home = path.join(folder, '.ops')
    placeRelease(home, findKernel('nanos'))
    const config = path.join(folder, 'config.json')
    const { executable, argv } = content.program
    const settings = {
      Program: executable,
      Args: argv.slice(1),
      Dirs: fs.readdirSync(content.folder),
      DisableArgsCopy: true,
    }
    fs.writeFileSync(config, JSON.stringify(settings))
    const name = 'bench'
    const env = environmentIn(folder)
    const args = ['image', 'create', '-c', config, '--target-root', content.folder, '-i', name]
    const command = { command: file, args, env, cwd: content.folder }
    return { command, image: path.join(home, 'images', name) }
  },
}
