import type { ChildProcess } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import { UfrError } from '../../base/errors.ts'
import { guestNetwork, type MachineSpec } from '../machine.ts'
import { spawnTied } from '../tied.ts'
import type { Accel, Address, StartOptions, Vm, VmExit, Vmm, VmmTraits } from '../vmm.ts'
import { chooseAccel } from './accel.ts'
import { descriptors, networkId, qemuArguments } from './arguments.ts'
import { findQemu, qemuVersion } from './binary.ts'
import { openQmp, type Qmp } from './qmp.ts'
import { hostTscKhz } from './tsc.ts'

const startLimitMs = 20_000

/**
 * The QEMU driver.
 * @throws UfrError UFR-QEMU-MISSING where the machine has no qemu-system-x86_64.
 */
export function qemu(): Vmm {
  const file = findQemu()
  return {
    name: 'qemu',
    version: () => qemuVersion(file),
    chooseAccel: (wanted) => chooseAccel(file, wanted),
    tscKhz: async (accel) => (accel === 'tcg' ? hostTscKhz() : undefined),
    traits,
    start: (spec, options) => start(file, spec, options),
  }
}

function traits(accel: Accel): VmmTraits {
  return {
    accel,
    boards: ['microvm', 'pc'],
    // QEMU's -kernel takes an ELF file of 64 bits by its PVH note only.
    protocols: ['pvh', 'multiboot'],
    links: ['user', 'tap'],
    errorLine: true,
    exitDevice: true,
    commandLineBytes: 4096,
    extendsCommandLine: false,
  }
}

async function start(file: string, spec: MachineSpec, { accel, output, link }: StartOptions): Promise<Vm> {
  requireKernel(spec)
  const spawned = performance.now()
  const args = qemuArguments(spec, accel, link)
  const wire = link?.kind === 'user' ? link.wire : undefined
  const sockets = wire ? 4 : spec.errorLine ? 3 : 2
  const child = spawnTied(file, args, { sockets, ...(link?.kind === 'tap' && { inside: link }) })
  let running = false
  const exit = watchExit(child, () => running)
  const socket = (fd: number) => child.stdio[fd] as Duplex
  receive(socket(descriptors.console), output.console)
  if (spec.errorLine) receive(socket(descriptors.errorLine), output.errorLine)
  wire?.(socket(descriptors.wire))

  let stopping: Promise<void> | undefined
  function stop(): Promise<void> {
    stopping ??= (async () => {
      child.kill('SIGKILL')
      await exit
    })()
    return stopping
  }

  const timer = setTimeout(() => child.kill('SIGKILL'), startLimitMs)
  try {
    let resumed: number | undefined
    const qmp = openQmp(socket(descriptors.qmp), (event, at) => {
      if (event === 'RESUME') resumed ??= at
    })
    await qmp.execute('cont')
    running = true
    const times = { spawned, vcpu: within(spawned, resumed) }
    return { pid: child.pid ?? 0, times, exit, stop, forward: (port) => forward(qmp, port) }
  } catch (error) {
    await stop()
    throw startError(await exit, error, file)
  } finally {
    clearTimeout(timer)
  }
}

/** A time by another clock, where it can be right: else what is known for sure, which is now. */
function within(from: number, at: number | undefined): number {
  const now = performance.now()
  return at !== undefined && at >= from && at <= now ? at : now
}

function receive(socket: Readable, take: (chunk: Buffer) => void): void {
  socket.on('data', take)
  // The other end goes away with QEMU; its exit says the rest.
  socket.on('error', () => {})
}

/** QEMU chooses the host's port itself (0), so no other process can take it in between; it says which only when asked. */
async function forward(qmp: Qmp, guestPort: number): Promise<Address> {
  const monitor = (line: string) =>
    qmp.execute('human-monitor-command', { 'command-line': line }).then(String)
  const host = '127.0.0.1'
  const rule = `tcp:${host}:0-${guestNetwork.address}:${guestPort}`
  try {
    const [refusal, state] = await Promise.all([
      monitor(`hostfwd_add ${networkId} ${rule}`),
      monitor('info usernet'),
    ])
    const forwards = state.matchAll(/TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)\s+\S+\s+(\d+)/g)
    for (const [, port, target] of forwards)
      if (Number(target) === guestPort) return { host, port: Number(port) }
    throw new Error(refusal.trim() || `no forwarded port in QEMU's network state: ${state}`)
  } catch (cause) {
    throw new UfrError(
      'UFR-VMM-CONTROL',
      `QEMU does not forward port ${guestPort}: ${(cause as Error).message}`,
      { cause },
    )
  }
}

function requireKernel({ kernel: { file, protocols } }: MachineSpec): void {
  if (protocols.some((protocol) => protocol === 'pvh' || protocol === 'multiboot')) return
  throw new UfrError('UFR-VMM-KERNEL', `QEMU cannot start ${file}: it boots by ${protocols.join(', ')} only`)
}

function watchExit(child: ChildProcess, running: () => boolean): Promise<VmExit> {
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-8192)
  })
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: null, signal: null, errors: String(error) }))
    child.on('close', (code, signal) => {
      // isa-debug-exit makes QEMU exit with (value << 1) | 1; QEMU's own refusals are 1 too, but come before it runs.
      const reported = running() && code !== null && code % 2 === 1
      resolve({ code, signal, errors, ...(reported && { guestStatus: code >> 1 }) })
    })
  })
}

function startError(exit: VmExit, cause: unknown, file: string): UfrError {
  const words = exit.errors.trim()
  return new UfrError(
    'UFR-VMM-START',
    `QEMU did not start: ${words.split('\n').at(-1) || exit.signal || cause}`,
    {
      cause,
      detail: [file, ...words.split('\n')].filter(Boolean),
    },
  )
}
