import fs from 'node:fs'
import os from 'node:os'
import { UfrError } from '../base/errors.ts'
import { ufrHome } from '../base/paths.ts'
import { findCommand } from '../base/process.ts'
import { listRuntimes } from '../kernel/runtimes.ts'
import { listKernels } from '../kernel/store.ts'
import { tapRights } from '../link/tap/rights.ts'
import { missingTools, packagesOf } from '../link/tap/tools.ts'
import { kernelNames } from '../unikernel/sources.ts'
import { firecrackerVersion, locateFirecracker } from '../vmm/firecracker/binary.ts'
import { noJailReason } from '../vmm/firecracker/jail.ts'
import { probeKvm } from '../vmm/qemu/accel.ts'
import { findQemu, qemuVersion } from '../vmm/qemu/binary.ts'

/** One thing that was looked at. */
export interface Check {
  name: string
  /** `lacking` stands in the way of running functions, `optional` does not. */
  state: 'good' | 'lacking' | 'optional'
  found: string
  /** A command that mends it, or what to do. */
  fix?: string
}

const leastFreeBytes = 2 * 2 ** 30

/** Looks at everything that running a function needs, without changing anything but the cache of the KVM probe. */
export async function checkHost(): Promise<Check[]> {
  const vmm = checkQemu()
  return [
    checkSystem(),
    checkNode(),
    vmm.check,
    checkFirecracker(),
    checkLifetime(),
    checkTap(),
    await checkKvm(vmm.file),
    ...checkKernels(),
    checkRuntimes(),
    checkCommand('apt-get', 'fetches the Linux kernel and runtime libraries'),
    checkCommand('npm', 'fetches the Node.js runtime'),
    checkCommand('git', 'fetches what `ufr kernel build` and `ufr vmm build` build'),
    checkData(),
  ]
}

function checkSystem(): Check {
  const found = `${os.type()} ${os.release()} on ${os.machine()}, ${os.availableParallelism()} CPUs, ${memory()} GiB`
  const good = process.platform === 'linux' && process.arch === 'x64'
  return good
    ? { name: 'host', state: 'good', found }
    : { name: 'host', state: 'lacking', found, fix: 'ufr runs on Linux on x86-64 only.' }
}

function memory(): string {
  return (os.totalmem() / 2 ** 30).toFixed(1)
}

function checkNode(): Check {
  return { name: 'node', state: 'good', found: `${process.version} (${process.execPath})` }
}

function checkQemu(): { check: Check; file?: string } {
  try {
    const file = findQemu()
    return { check: { name: 'qemu', state: 'good', found: `${qemuVersion(file)} (${file})` }, file }
  } catch (error) {
    if (!(error instanceof UfrError)) throw error
    return { check: { name: 'qemu', state: 'lacking', found: error.message, fix: error.fix } }
  }
}

/** Optional: QEMU does what it does, more slowly. */
function checkFirecracker(): Check {
  const name = 'firecracker'
  try {
    const found = locateFirecracker()
    if (!found)
      return {
        name,
        state: 'optional',
        found: 'neither in the store nor on PATH',
        fix: 'ufr vmm pull firecracker',
      }
    const text = `${firecrackerVersion(found.file)} (${found.file})`
    const unjailed = noJailReason(found)
    if (unjailed === undefined) return { name, state: 'good', found: `${text}, in its jailer` }
    const check: Check = { name, state: 'good', found: `${text}, without its jailer: ${unjailed}` }
    // Whoever is not root, or does not want a jail, has nothing to mend.
    if (found.jailer && !found.dynamic) return check
    return {
      ...check,
      state: 'optional',
      fix: 'Import or pull one that has its jailer beside it: docs/vmms.md.',
    }
  } catch (error) {
    if (!(error instanceof UfrError)) throw error
    return { name, state: 'optional', found: error.message, fix: error.fix }
  }
}

/** Guests are tied to their parent's life by util-linux's setpriv. */
function checkLifetime(): Check {
  const file = findCommand('setpriv')
  return file
    ? { name: 'setpriv', state: 'good', found: file }
    : { name: 'setpriv', state: 'lacking', found: 'not on PATH', fix: 'sudo apt-get install util-linux' }
}

/** Links by an interface of their own: Firecracker's, and all that reach the outside. */
function checkTap(): Check {
  const name = 'link tap'
  const rights = tapRights()
  if (rights.how === 'none') {
    const fix = 'See docs/links.md for the rights that it needs.'
    return { name, state: 'optional', found: rights.reason, fix }
  }
  const missing = missingTools(rights.how === 'capable' ? ['ip', 'nft'] : ['ip'])
  if (missing.length > 0) {
    const fix = `sudo apt-get install ${packagesOf(missing).join(' ')}`
    return { name, state: 'optional', found: `not on PATH: ${missing.join(', ')}`, fix }
  }
  const found =
    rights.how === 'capable' ? 'by capabilities, with egress' : 'in a user namespace, without egress'
  return { name, state: 'good', found }
}

async function checkKvm(qemu: string | undefined): Promise<Check> {
  if (!qemu) return { name: 'kvm', state: 'optional', found: 'not tried: there is no QEMU to try it with' }
  const probe = await probeKvm(qemu, true)
  if (probe.works) return { name: 'kvm', state: 'good', found: probe.reason }
  return {
    name: 'kvm',
    state: 'optional',
    found: `${probe.reason}; guests are emulated`,
    fix: kvmFix(probe.reason),
  }
}

function kvmFix(reason: string): string {
  if (reason.includes('permission')) return 'sudo usermod -aG kvm $USER   (then log in again)'
  if (reason.includes('no /dev/kvm'))
    return 'sudo modprobe kvm_intel || sudo modprobe kvm_amd   (and virtualisation on in the firmware)'
  return 'Nothing to mend from here: the machine below this one offers no KVM that works.'
}

function checkKernels(): Check[] {
  const { kernels, broken } = listKernels()
  const checks = kernelNames.map((name): Check => {
    const found = kernels.filter((kernel) => kernel.name === name).map(({ version }) => version)
    if (found.length > 0) return { name: `kernel ${name}`, state: 'good', found: found.join(', ') }
    const missing = name === 'linux' ? 'none; `ufr run` fetches it when it is needed' : 'none in the store'
    return { name: `kernel ${name}`, state: 'optional', found: missing, fix: `ufr kernel pull ${name}` }
  })
  for (const { name, version, error } of broken) {
    checks.push({ name: `kernel ${name}@${version}`, state: 'lacking', found: error.message, fix: error.fix })
  }
  return checks
}

function checkRuntimes(): Check {
  const { runtimes } = listRuntimes()
  const found = runtimes.map(({ language, version }) => `${language} ${version}`)
  if (found.length > 0) return { name: 'runtimes', state: 'good', found: found.join(', ') }
  const none = 'none; `ufr run` fetches what a function needs'
  return { name: 'runtimes', state: 'optional', found: none, fix: 'ufr runtime pull nodejs24.x' }
}

function checkCommand(name: string, what: string): Check {
  const file = findCommand(name)
  if (file) return { name, state: 'good', found: file }
  const found = `not on PATH (it ${what})`
  return {
    name,
    state: 'optional',
    found,
    fix: name === 'apt-get' ? 'See docs/kernels.md for other ways.' : `sudo apt-get install ${name}`,
  }
}

function checkData(): Check {
  const home = ufrHome()
  const name = 'data'
  try {
    fs.mkdirSync(home, { recursive: true })
    fs.accessSync(home, fs.constants.W_OK)
  } catch (error) {
    const fix = 'Set UFR_HOME to a folder that can be written.'
    return { name, state: 'lacking', found: `${home}: ${(error as Error).message}`, fix }
  }
  const { bavail, bsize } = fs.statfsSync(home)
  const free = bavail * bsize
  const found = `${home}, ${(free / 2 ** 30).toFixed(1)} GiB free`
  if (free >= leastFreeBytes) return { name, state: 'good', found }
  return { name, state: 'optional', found, fix: 'Make room: images and runtimes want about 2 GiB.' }
}
