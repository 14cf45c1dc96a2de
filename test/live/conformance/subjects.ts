import { UfrError } from '../../../src/base/errors.ts'
import { noProgress } from '../../../src/base/progress.ts'
import type { UnikernelName, VmmName } from '../../../src/function/spec.ts'
import { chooseLink, openLink } from '../../../src/link/choose.ts'
import { unikernels } from '../../../src/unikernel/unikernels.ts'
import type { LinkKind } from '../../../src/vmm/machine.ts'
import type { Accel, Vmm } from '../../../src/vmm/vmm.ts'
import { chooseVmm } from '../../../src/vmm/vmms.ts'
import { required } from '../ufr.ts'

/** VMMs under test, and how their guests run unless UFR_ACCEL says otherwise. A further one is a line here. */
const vmms: readonly { name: VmmName; accel: Accel }[] = [
  { name: 'qemu', accel: 'tcg' },
  { name: 'firecracker', accel: 'kvm' },
]

const allLinks: readonly LinkKind[] = ['user', 'tap', 'vsock']

export interface VmmSubject {
  name: VmmName
  accel: Accel
  title: string
  /** Why it cannot be tested here, or the VMM. */
  lack: string | false
  vmm?: Vmm
}

export interface KernelSubject {
  kernel: UnikernelName
  vmm: VmmName
  accel: Accel
  link: LinkKind
  title: string
  lack: string | false
  /** Whether it is the first link of this kernel on this VMM: the others are tested for what depends on links. */
  first: boolean
  /** Whether guests can be let out over this link. */
  egress: boolean
}

function wanted(variable: string, name: string): boolean {
  const set = process.env[variable]
  return !set || set === 'auto' || set === name
}

/**
 * The VMMs to be tested: all, or the one that UFR_VMM names; with the acceleration that UFR_ACCEL names, where it does.
 * UFR_REQUIRE=firecracker turns a lack of it into a failure; where only KVM is missing, UFR_ACCEL=kvm does.
 */
export async function vmmSubjects(): Promise<VmmSubject[]> {
  const chosen = vmms.filter(({ name }) => wanted('UFR_VMM', name))
  return Promise.all(chosen.map(({ name, accel }) => vmmSubject(name, accelOf(accel))))
}

function accelOf(usual: Accel): Accel {
  const set = process.env['UFR_ACCEL']
  return set === 'kvm' || set === 'tcg' ? set : usual
}

async function vmmSubject(name: VmmName, accel: Accel): Promise<VmmSubject> {
  const subject = { name, accel, title: `${name} (${accel})` }
  try {
    const vmm = chooseVmm(name)
    await vmm.chooseAccel(accel)
    return { ...subject, lack: false, vmm }
  } catch (error) {
    if (!(error instanceof UfrError)) throw error
    const onlyKvm = error.code === 'UFR-KVM' && process.env['UFR_ACCEL'] !== 'kvm'
    if (required(name) && !onlyKvm) throw error
    return { ...subject, lack: error.message }
  }
}

/** Every kernel on every VMM over every link that the two have in common; UFR_UNIKERNEL and UFR_LINK narrow it down. */
export async function kernelSubjects(): Promise<KernelSubject[]> {
  const subjects: KernelSubject[] = []
  for (const vmm of await vmmSubjects()) {
    for (const { name } of unikernels) {
      if (wanted('UFR_UNIKERNEL', name)) subjects.push(...(await linksOf(name, vmm)))
    }
  }
  return subjects
}

async function linksOf(
  kernel: UnikernelName,
  { name, accel, vmm, lack }: VmmSubject,
): Promise<KernelSubject[]> {
  const common = { kernel, vmm: name, accel, egress: false }
  const title = `${kernel} on ${name} (${accel}`
  const why = lack || lackOf(kernel)
  if (why || !vmm)
    return [{ ...common, link: 'user', title: `${title})`, lack: why || 'no VMM', first: true }]
  const unikernel = await unikernels.find((kind) => kind.name === kernel)!.open(noProgress())
  const traits = vmm.traits(accel)
  const possible = allLinks.filter((link) => traits.links.includes(link) && unikernel.links.includes(link))
  const wish = { egress: false, vmm: { name, traits }, unikernel }
  const subjects: KernelSubject[] = []
  for (const link of possible.filter((each) => wanted('UFR_LINK', each))) {
    const lackOfLink = await tryLink(link, () => chooseLink({ ...wish, wanted: link }))
    const first = lackOfLink === false && subjects.every((each) => each.lack !== false)
    const egress = link === 'tap'
    subjects.push({ ...common, link, title: `${title}, ${link})`, lack: lackOfLink, first, egress })
  }
  return subjects
}

function lackOf(kernel: UnikernelName): string | false {
  if (unikernels.find(({ name }) => name === kernel)!.present()) return false
  const why = `no ${kernel} kernel in the store`
  if (required(kernel)) throw new Error(`${why}, but required`)
  return why
}

/** Whether a link can be made here: tried, because what it needs is the link's own affair. */
async function tryLink(
  link: LinkKind,
  choose: () => Parameters<typeof openLink>[0],
): Promise<string | false> {
  try {
    await (await openLink(choose())).close()
    return false
  } catch (error) {
    if (!(error instanceof UfrError) || process.env['UFR_LINK'] === link) throw error
    return error.message
  }
}
