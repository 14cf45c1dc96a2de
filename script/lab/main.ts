import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../src/base/errors.ts'
import { ufrHome } from '../../src/base/paths.ts'
import { streamProgress } from '../../src/base/progress.ts'
import { fail } from '../../src/cli/outcome.ts'
import { hostTscKhz } from '../../src/vmm/qemu/tsc.ts'
import { commandLine, environment } from './caller.ts'
import type { Command } from './guest.ts'
import { latin1 } from './latin1.ts'
import { openLab } from './parts.ts'
import { runInLab } from './session.ts'

const usage = `Usage: script/kvm-lab [--user] COMMAND [ARGUMENT...]

Runs COMMAND in a Debian guest whose KVM works, on a machine whose own does not: the guest is emulated, has this
machine's files as they are, and may write to this checkout and to UFR_HOME; all else that it writes goes with it.

  --user   as a user who may nothing but open /dev/kvm; without it as root

UFR_LAB_TIMEOUT   seconds for everything (1800)
UFR_LAB_MEMORY    MiB of the guest (6144)
`

const exitStatus = { timeout: 124, SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
const startLimitMs = 180_000
/** What QEMU itself needs, most of it for translated code. */
const overheadMiB = 1280
/** Whom to be where root asks for a user. */
const someUser = { uid: 1000, gid: 1000, home: '/home/lab', guest: true }

/** Why a session ended before its command did, and with which status. */
class Stopped extends Error {
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

async function main(): Promise<number> {
  const words = commandLine()
  const asUser = words[0] === '--user'
  if (asUser) words.shift()
  if (words[0] === '--help' || words[0] === '-h') {
    process.stdout.write(usage)
    return 0
  }
  if (words[0] === undefined || words[0].startsWith('-')) {
    process.stderr.write(usage)
    return 2
  }
  if (process.env['UFR_IN_LAB'])
    throw new UfrError('UFR-USAGE', 'this is the lab already', { fix: 'Run the command itself.' })
  const timeout = setting('UFR_LAB_TIMEOUT', 1800)
  const memoryMiB = setting('UFR_LAB_MEMORY', 6144)
  checkMemory(memoryMiB)
  const stop = new AbortController()
  const timer = setTimeout(
    () =>
      stop.abort(
        new Stopped(`the lab's time limit of ${timeout} s is over (UFR_LAB_TIMEOUT)`, exitStatus.timeout),
      ),
    timeout * 1000,
  )
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(new Stopped(`ended by ${signal}`, exitStatus[signal])))
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => stop.abort(new Stopped('nobody takes the output', 141)))
  }
  const lab = await openLab(streamProgress())
  const status = await runInLab(lab, commandOf(words, asUser), {
    memoryMiB,
    shares: shares(),
    tscKhz: await hostTscKhz(),
    startLimit: startLimitMs,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stop.signal,
  })
  clearTimeout(timer)
  return status
}

function commandOf(words: string[], asUser: boolean): Command {
  const [uid, gid] = [process.getuid!(), process.getgid!()]
  const own = { uid, gid, home: process.env['HOME'] || '/', guest: false }
  const user = uid === 0 ? someUser : own
  const variables = new Map(environment())
  if (asUser) variables.set('HOME', latin1(user.home))
  return { words, environment: [...variables], folder: latin1(process.cwd()), ...(asUser && { user }) }
}

/** This checkout and UFR_HOME, where neither is in the other. */
function shares(): string[] {
  const folders = [path.join(import.meta.dirname, '../..'), ufrHome()].map((folder) =>
    fs.realpathSync(folder),
  )
  const within = (folder: string, other: string) => folder !== other && `${folder}/`.startsWith(`${other}/`)
  return folders.filter((folder) => !folders.some((other) => within(folder, other)))
}

function setting(name: string, standard: number): number {
  const text = process.env[name]
  if (!text) return standard
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new UfrError('UFR-USAGE', `${name} is no whole number above 0: ${text}`, {
    fix: `Leave it out for ${standard}.`,
  })
}

function checkMemory(memoryMiB: number): void {
  const free = Math.floor(process.availableMemory() / 2 ** 20)
  if (free >= memoryMiB + overheadMiB) return
  const message = `the lab needs ${memoryMiB + overheadMiB} MiB of memory, and ${free} MiB are free`
  throw new UfrError('UFR-VMM-START', message, {
    fix: 'Free some, or give it less: UFR_LAB_MEMORY=3072 does for small guests.',
  })
}

try {
  process.exitCode = await main()
} catch (error) {
  if (error instanceof Stopped) {
    process.stderr.write(`kvm-lab: ${error.message}\n`)
    process.exitCode = error.status
  } else process.exitCode = fail(error, false)
}
process.exit()
