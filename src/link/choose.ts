import { UfrError } from '../base/errors.ts'
import type { LinkKind, NetworkSpec } from '../vmm/machine.ts'
import type { VmmTraits } from '../vmm/vmm.ts'
import { type Link, userLink } from './link.ts'

export interface LinkWish {
  wanted: LinkKind | 'auto'
  egress: boolean
  /** The VMM, by what it offers and by its name for messages. */
  vmm: { name: string; traits: VmmTraits }
  /** The kernel, by the links that it knows. */
  unikernel: { name: string; links: readonly LinkKind[] }
}

/**
 * Which link a machine gets: what was asked for, or the one that needs least.
 * @throws UfrError UFR-MACHINE where VMM or kernel do not have it.
 */
export function chooseLink({ wanted, egress, vmm, unikernel }: LinkWish): NetworkSpec {
  const possible = vmm.traits.links.filter((kind) => unikernel.links.includes(kind))
  const able = possible.filter((kind) => kind === 'tap' || !egress)
  const link = wanted === 'auto' ? able[0] : able.find((kind) => kind === wanted)
  if (link !== undefined) return { link, egress }
  throw new UfrError('UFR-MACHINE', `${unikernel.name} on ${vmm.name} has no link ${wanted}`, {
    fix: `Use --link ${able.join(' or ')}.`,
  })
}

/** Makes the link for one machine. */
export async function openLink({ link }: NetworkSpec): Promise<Link> {
  if (link === 'user') return userLink()
  throw new UfrError('UFR-NOT-YET', `the link ${link} cannot be used yet`, { fix: 'Use --link user.' })
}
