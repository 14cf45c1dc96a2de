import fs from 'node:fs'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { UfrError } from '../../base/errors.ts'
import { oncePerBoot } from '../../base/host-cache.ts'
import { dies, judge, kvmRights, type ProbeResult, tooSlow, workLimitMs } from '../kvm.ts'
import { probeGuest, probeStatus } from '../probe-guest.ts'
import { spawnTied } from '../tied.ts'
import type { Accel, AccelChoice } from '../vmm.ts'
import { openQmp } from './qmp.ts'

const processLimitMs = 5000

/**
 * @throws UfrError UFR-KVM where `kvm` is wanted and the probe says it does not work.
 */
export async function chooseAccel(file: string, wanted: Accel | 'auto'): Promise<AccelChoice> {
  if (wanted === 'tcg') return { accel: 'tcg', reason: 'asked for' }
  const probe = await probeKvm(file)
  if (probe.works) return { accel: 'kvm', reason: probe.reason }
  if (wanted === 'kvm') throw new UfrError('UFR-KVM', `KVM cannot be used: ${probe.reason}`)
  return { accel: 'tcg', reason: probe.reason }
}

/** Whether KVM really works here: asked once per boot of the host, QEMU and rights on /dev/kvm. */
export async function probeKvm(file: string, fresh = false): Promise<ProbeResult> {
  const rights = kvmRights()
  if (rights) return { works: false, reason: rights }
  const { mtimeMs, size } = fs.statSync(file)
  return oncePerBoot('accel', `${file} ${mtimeMs} ${size}`, () => runProbe(file, 'kvm'), fresh)
}

/** Boots the probe guest; exported so that a test can see it succeed under emulation. */
export async function runProbe(file: string, accel: Accel): Promise<ProbeResult> {
  const folder = fs.mkdtempSync(path.join(fs.realpathSync(process.env['TMPDIR'] ?? '/tmp'), 'ufr-probe-'))
  try {
    const kernel = path.join(folder, 'probe.elf')
    fs.writeFileSync(kernel, probeGuest())
    return await boot(file, kernel, accel)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function boot(file: string, kernel: string, accel: Accel): Promise<ProbeResult> {
  const args = ['-M', 'microvm', '-accel', accel, '-cpu', accel === 'kvm' ? 'host' : 'max', '-m', '32', '-S']
  args.push('-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-kernel', kernel)
  args.push('-chardev', 'socket,id=qmp,fd=3', '-mon', 'chardev=qmp,mode=control', '-device', 'isa-debug-exit')
  const child = spawnTied(file, args, { sockets: 1 })
  let words = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    words = (words + chunk).slice(-2048)
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), processLimitMs)
  const ended = new Promise<{ code: number | null; at: number }>((resolve) => {
    child.on('error', () => resolve({ code: null, at: performance.now() }))
    child.on('close', (code) => resolve({ code, at: performance.now() }))
  })
  const qmp = openQmp(child.stdio[3] as Duplex)
  const started = await qmp.execute('cont').then(
    () => performance.now(),
    () => undefined,
  )
  // Beyond the limit the answer is known: no need to wait for the slow guest's end.
  const patience =
    started === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), 2 * workLimitMs)
  const { code, at } = await ended
  clearTimeout(timer)
  clearTimeout(patience)
  if (started === undefined) return { works: false, reason: startFailure(words) }
  const milliseconds = Math.round(at - started)
  if (code === null) return { works: false, reason: tooSlow }
  if (code !== ((probeStatus << 1) | 1)) return { works: false, reason: dies }
  return judge(milliseconds)
}

/** QEMU's own words, or what they mean: on a paravirtual KVM it ends with an assertion about registers. */
function startFailure(words: string): string {
  if (/kvm_buf_set_msrs|Assertion/.test(words)) return 'it refuses registers that every processor has'
  return words.trim().split('\n').at(-1) || 'QEMU does not start on it'
}
