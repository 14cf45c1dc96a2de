import fs from 'node:fs'
import { writeFileAtomic } from './atomic.ts'
import { UfrError } from './errors.ts'
import { homePath } from './paths.ts'

/** Names the time from one boot of the host to the next. */
export function bootId(): string {
  return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/**
 * What was found out about the host, kept until it is booted again or the key changes: measuring costs more than a run
 * may be delayed by.
 */
export async function oncePerBoot<T>(
  name: string,
  key: string,
  find: () => Promise<T>,
  fresh = false,
): Promise<T> {
  const file = homePath('cache', `${name}.json`)
  const whole = `${bootId()} ${key}`
  const known = fresh ? undefined : read<T>(file)
  if (known?.key === whole && 'value' in known) return known.value
  const value = await find()
  try {
    writeFileAtomic(file, JSON.stringify({ key: whole, value }))
  } catch (error) {
    // What cannot be kept is found out again next time: no reason to fail, least of all for `ufr doctor`.
    if (!(error instanceof UfrError)) throw error
  }
  return value
}

function read<T>(file: string): { key: string; value: T } | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
