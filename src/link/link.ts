import type { Duplex } from 'node:stream'
import type { LinkKind } from '../vmm/machine.ts'
import type { Address, LinkEnd, Vm } from '../vmm/vmm.ts'

/** A way between host and one guest, made before its machine starts. Whoever made it closes it, on every path. */
export interface Link {
  readonly kind: LinkKind
  /** What the VMM is told of it. */
  readonly end: LinkEnd
  /**
   * Where the host finds a port of the guest.
   * @throws UfrError UFR-VMM-CONTROL where the VMM refuses.
   */
  reach(vm: Vm, guestPort: number): Promise<Address>
  /** Takes away all that was made for it. Safe to call again; never rejects. */
  close(): Promise<void>
}

/**
 * Connections that a guest may hold to its ufr at a time: a program has one, or a few, and what more of them would cost
 * is the host's.
 */
export const mostCalls = 64

/** Takes a connection that the guest of a link has opened to its ufr; either side may be ended before the other. */
export type Answer = (call: Duplex) => void

/** The link of QEMU's own network stack: nothing to make beforehand, a forwarded port on the loopback when asked for. */
export function userLink(): Link {
  return {
    kind: 'user',
    end: { kind: 'user' },
    reach: (vm, guestPort) => vm.forward(guestPort),
    close: async () => {},
  }
}
