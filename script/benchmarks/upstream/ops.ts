import fs from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { findKernel, kernelFile, kernelFiles } from '../../../src/kernel/store.ts'
import type { ImageTool } from './tool.ts'

/** The version by which the kernel goes in the tool's folder. */
const version = 'bench'
const tarBlocks = Buffer.alloc(1024)

/**
 * The command line of Nanos' makers: always a disk with boot loader and kernel. It has a home of its own, in which the
 * store's kernel is its newest release; every command of it asks the network for a newer one (lepton/const.go,
 * getLatestRelVersion), so it gets a proxy that refuses at once: no waiting is in its time.
 */
export const ops: ImageTool = {
  name: 'ops image create',
  kernel: 'nanos',
  variable: 'UFR_BENCH_OPS',
  prepare(file, content, folder) {
    const home = path.join(folder, '.ops')
    placeRelease(home)
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
    const env = {
      PATH: process.env['PATH'],
      HOME: folder,
      OPS_HOME: folder,
      HTTP_PROXY: 'http://127.0.0.1:1',
      HTTPS_PROXY: 'http://127.0.0.1:1',
    }
    const args = ['image', 'create', '-c', config, '--target-root', content.folder, '-i', name]
    const command = { command: file, args, env, cwd: content.folder }
    return { command, image: path.join(home, 'images', name) }
  },
}

function placeRelease(home: string): void {
  const kernel = findKernel('nanos')
  const [loader] = kernelFiles(kernel, 'boot')
  if (loader === undefined) throw new Error(`nanos ${kernel.version} is in the store without its boot loader`)
  const release = path.join(home, version)
  fs.mkdirSync(path.join(release, 'klibs'), { recursive: true })
  fs.copyFileSync(kernelFile(kernel, 'kernel'), path.join(release, 'kernel.img'))
  fs.copyFileSync(loader, path.join(release, 'boot.img'))
  fs.writeFileSync(path.join(home, 'latest.txt'), version)
  // Files that it adds to every image, unless there are none.
  fs.writeFileSync(path.join(home, 'common.tar.gz'), gzipSync(tarBlocks))
}
