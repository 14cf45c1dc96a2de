import { UfrError } from '../base/errors.ts'
import { noProgress, type Progress } from '../base/progress.ts'
import type { LinkKind, NetworkSpec } from '../vmm/machine.ts'
import type { VmmTraits } from '../vmm/vmm.ts'
import { type Answer, type Link, userLink } from './link.ts'
import { mayTap, noRights, type TapRights, tapRights } from './tap/rights.ts'

export interface LinkWish {
  wanted: LinkKind | 'auto'
  egress: boolean
  /** Whether the guest is to be able to call. */
  calls?: boolean
  /** The VMM, by what it offers and by its name for messages. */
  vmm: { name: string; traits: VmmTraits }
  /** The kernel, by the links that it knows. */
  unikernel: { name: string; links: readonly LinkKind[] }
}

/**
 * Which link a machine gets: what was asked for, or the first of the VMM's links that the kernel has, that gives the
 * egress that is wanted, and that this process may make.
 * @throws UfrError UFR-MACHINE where VMM or kernel do not have it, UFR-LINK-RIGHTS where only a link is left that this
 * process may not make.
 */
export function chooseLink(wish: LinkWish, rights: () => TapRights = tapRights): NetworkSpec {
  const { wanted, egress, vmm, unikernel } = wish
  const more = { egress, ...(wish.calls && { calls: true }) }
  const known = vmm.traits.links.filter((kind) => unikernel.links.includes(kind))
  const able = known.filter((kind) => kind === 'tap' || !egress)
  if (wanted !== 'auto') {
    if (able.includes(wanted)) return { link: wanted, ...more }
    throw new UfrError('UFR-MACHINE', refusal(wanted, wish), { fix: advice(able) })
  }
  const link = able.find((kind) => kind !== 'tap' || mayTap(rights(), egress))
  if (link !== undefined) return { link, ...more }
  if (able.includes('tap')) throw noRights(rights())
  throw new UfrError(
    'UFR-MACHINE',
    `${unikernel.name} on ${vmm.name} has no link${egress ? ' with egress' : ''}`,
    {
      fix: 'Use another --vmm or --unikernel.',
    },
  )
}

function refusal(wanted: LinkKind, { vmm, unikernel }: LinkWish): string {
  if (!vmm.traits.links.includes(wanted)) return `${vmm.name} has no link ${wanted}`
  if (!unikernel.links.includes(wanted)) return `${unikernel.name} cannot be reached over the link ${wanted}`
  return `the link ${wanted} gives no egress`
}

function advice(able: readonly LinkKind[]): string {
  return able.length > 0 ? `Use --link ${able.join(' or ')}.` : 'Use another --vmm or --unikernel.'
}

/**
 * Makes the link for one machine.
 * @param answer takes the connections of a guest that may call; needed exactly where it may.
 * @throws UfrError UFR-LINK and its like; nothing is left behind then.
 */
export async function openLink(
  { link, egress, calls = false }: NetworkSpec,
  progress: Progress = noProgress(),
  answer?: Answer,
): Promise<Link> {
  if (calls !== (answer !== undefined)) throw new Error(`calls: ${calls}, answered: ${!calls}`)
  if (link === 'user') {
    if (!answer) return userLink()
    const { wireLink } = await import('./wire/link.ts')
    return wireLink(answer)
  }
  if (link === 'vsock') {
    const { openVsock } = await import('./vsock.ts')
    return openVsock(answer)
  }
  const { openTap } = await import('./tap/tap.ts')
  return openTap(egress, progress, answer)
}
