import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { oncePerBoot } from '../../base/host-cache.ts'
import { homePath } from '../../base/paths.ts'
import { dies, judge, kvmRights, type ProbeResult, tooSlow, workLimitMs } from '../kvm.ts'
import type { MachineSpec } from '../machine.ts'
import { probeGuest, probeSign } from '../probe-guest.ts'
import type { Accel, AccelChoice, StartOptions, Vm } from '../vmm.ts'
import type { Firecracker } from './binary.ts'
import { noJailReason } from './jail.ts'

type Start = (binary: Firecracker, spec: MachineSpec, options: StartOptions) => Promise<Vm>

const fix = 'Use --vmm qemu, which can emulate; `ufr doctor` says more.'

/**
 * Firecracker runs on KVM or not at all.
 * @throws UfrError UFR-MACHINE for tcg, UFR-KVM where the probe says that KVM does not work.
 */
export async function chooseAccel(
  binary: Firecracker,
  wanted: Accel | 'auto',
  start: Start,
): Promise<AccelChoice> {
  if (wanted === 'tcg') throw cannotEmulate()
  const probe = await probeKvm(binary, start)
  if (probe.works) return { accel: 'kvm', reason: probe.reason }
  throw new UfrError('UFR-KVM', `Firecracker needs KVM, and it cannot be used: ${probe.reason}`, { fix })
}

export function cannotEmulate(): UfrError {
  return new UfrError('UFR-MACHINE', 'Firecracker cannot emulate: it runs guests on KVM only', { fix })
}

/** Whether guests run in this Firecracker: asked once per boot of the host and Firecracker. */
export async function probeKvm(binary: Firecracker, start: Start, fresh = false): Promise<ProbeResult> {
  const rights = kvmRights()
  if (rights) return { works: false, reason: rights }
  const { mtimeMs, size } = fs.statSync(binary.file)
  const key = [binary.file, mtimeMs, size, noJailReason(binary) ?? binary.jailer].join(' ')
  return oncePerBoot('accel-firecracker', key, () => runProbe(binary, start), fresh)
}

/** Boots the probe guest: it writes a sign when its work is done, and ends itself. */
async function runProbe(binary: Firecracker, start: Start): Promise<ProbeResult> {
  return withTemporaryFolder(homePath('cache'), async (folder) => {
    const kernel = path.join(folder, 'probe.elf')
    fs.writeFileSync(kernel, probeGuest())
    return boot(binary, machine(kernel), start)
  })
}

function machine(kernel: string): MachineSpec {
  return {
    kernel: { file: kernel, digest: 'probe', protocols: ['pvh'] },
    board: 'microvm',
    commandLine: '',
    disks: [],
    memoryMiB: 32,
    cpus: 1,
    errorLine: false,
    entropy: false,
  }
}

async function boot(binary: Firecracker, spec: MachineSpec, start: Start): Promise<ProbeResult> {
  let done: number | undefined
  const output = {
    console(chunk: Buffer) {
      if (chunk.includes(probeSign)) done ??= performance.now()
    },
    errorLine() {},
  }
  let vm: Vm
  try {
    vm = await start(binary, spec, { accel: 'kvm', output })
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-VMM-START') throw error
    return { works: false, reason: error.message }
  }
  // Beyond the limit the answer is known: no need to wait for the slow guest's end.
  const timer = setTimeout(() => void vm.stop(), 2 * workLimitMs)
  const { signal } = await vm.exit
  clearTimeout(timer)
  if (done !== undefined) return judge(Math.max(0, Math.round(done - vm.times.vcpu)))
  return { works: false, reason: signal === 'SIGKILL' ? tooSlow : dies }
}
