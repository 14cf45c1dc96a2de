import fs from 'node:fs'
import { dataError } from '../../base/atomic.ts'
import { runCommand } from '../../base/process.ts'

/**
 * Copies a disk for one machine to write to: by reference where the file system can, else only what is no hole.
 * Anybody who can reach the folder may write to it.
 * @throws UfrError UFR-DATA where there is no room, UFR-COMMAND.
 */
export async function copyScratch(disk: string, copy: string): Promise<void> {
  await runCommand('cp', ['--reflink=auto', '--sparse=auto', '--', disk, copy], {
    install: 'apt-get install coreutils',
  })
  try {
    fs.chmodSync(copy, 0o666)
  } catch (error) {
    throw dataError(error, copy)
  }
}
