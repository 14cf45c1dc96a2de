import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Duplex, Readable, Writable } from 'node:stream'
import { UfrError } from '../../src/base/errors.ts'
import { lastLines } from '../../src/base/process.ts'
import { spawnTied } from '../../src/vmm/tied.ts'
import { type Command, commandScript, startScript } from './guest.ts'
import { type MachineSettings, machineCommand, socketCount } from './machine.ts'
import { untilToken } from './output.ts'
import type { Lab } from './parts.ts'

export interface SessionSettings extends MachineSettings {
  /** Milliseconds that the guest has until the command starts. */
  startLimit: number
  stdout: Writable
  stderr: Writable
  /** Ends the session before its time, with its reason as the error. */
  signal: AbortSignal
}

const keptBytes = 16_384

/**
 * Starts the guest, runs the command in it, and ends the guest, which never outlives this process.
 * @returns the command's exit status.
 * @throws UfrError UFR-BOOT-TIMEOUT, UFR-GUEST-DIED, UFR-VMM-START; the signal's reason.
 */
export async function runInLab(lab: Lab, command: Command, settings: SessionSettings): Promise<number> {
  // Begins as hardly any output ends, so that none waits for more.
  const token = `\x1e${randomBytes(16).toString('hex')}`
  const [file = '', ...args] = machineCommand(lab, settings)
  const machine = spawnTied(file, args, { sockets: socketCount })
  const [serial, control, output, errors] = machine.stdio.slice(3) as Duplex[]
  const [lines, complaints] = [keepLast(serial!), keepLast(machine.stderr!)]
  const passed = [passOn(output!, settings.stdout, token), passOn(errors!, settings.stderr, token)]
  const ended = once(machine, 'close').catch((error: unknown) => [error])
  const early = ended.then(([how]) => {
    if (how instanceof Error) {
      const fix = 'Install setpriv: sudo apt-get install util-linux'
      throw new UfrError('UFR-COMMAND', `the guest of the lab cannot be started: ${how.message}`, { fix })
    }
    const detail = lastLines(complaints() + lines())
    throw new UfrError('UFR-GUEST-DIED', 'the guest of the lab ended before its command did', {
      fix: 'See its last lines. UFR_LAB_MEMORY sets its memory, in MiB.',
      detail,
    })
  })
  send(control!, [startScript(lab, settings.shares, command, token), commandScript(command)])
  try {
    const status = await Promise.race([
      converse(control!, settings.startLimit, lines),
      early,
      aborted(settings.signal),
    ])
    await Promise.race([Promise.all(passed.map(({ complete }) => complete)), early, aborted(settings.signal)])
    return status
  } finally {
    machine.kill('SIGKILL')
    await ended
    await Promise.race([Promise.all(passed.map(({ written }) => written)), aborted(settings.signal)]).catch(
      () => {},
    )
  }
}

function send(control: Duplex, scripts: string[]): void {
  const bytes = scripts.map((text) => Buffer.from(text, 'latin1'))
  // The guest's end says more than a pipe that broke.
  control.on('error', () => {})
  control.write(`${bytes.map(({ length }) => length).join(' ')}\n`)
  for (const each of bytes) control.write(each)
}

/** Hears the guest until it tells the command's status. */
function converse(control: Duplex, startLimit: number, lines: () => string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const timer = setTimeout(() => {
    const message = `the guest of the lab did not start within ${startLimit / 1000} s`
    const fix = 'Run again when the machine has less to do.'
    reject(new UfrError('UFR-BOOT-TIMEOUT', message, { fix, detail: lastLines(lines()) }))
  }, startLimit)
  const heard = createInterface({ input: control }).on('error', () => {})
  heard.on('line', (line) => {
    const [word, rest = ''] = /^(\w+) ?(.*)$/.exec(line)?.slice(1) ?? []
    if (word === 'start') clearTimeout(timer)
    if (word === 'exit') resolve(Number(rest))
    if (word === 'fail') {
      const fix = 'Run again; if it stays so, remove the folder `lab` in UFR_HOME, and it is made anew.'
      reject(
        new UfrError('UFR-GUEST-DIED', `the lab did not come up: ${rest}`, {
          fix,
          detail: lastLines(lines()),
        }),
      )
    }
  })
  return promise.finally(() => clearTimeout(timer))
}

/** Passes one of the command's outputs on as it comes. */
function passOn(
  from: Readable,
  to: Writable,
  token: string,
): { complete: Promise<void>; written: Promise<void> } {
  const { promise: complete, resolve } = Promise.withResolvers<void>()
  const output = untilToken(Buffer.from(token), resolve)
  from.on('error', () => output.end())
  from.pipe(output).pipe(to, { end: false })
  const written = once(output, 'end').then(() => new Promise<void>((done) => to.write('', () => done())))
  return { complete, written }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** The last that a stream said. */
function keepLast(stream: Readable): () => string {
  let kept = ''
  stream.on('error', () => {})
  stream.on('data', (chunk: Buffer) => {
    kept = (kept + chunk.toString('latin1')).slice(-keptBytes)
  })
  return () => kept
}
