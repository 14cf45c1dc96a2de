import type { LinkEnd } from '../../../src/vmm/vmm.ts'

/** What one bare start has of its own. */
export interface BarePlace {
  /** A folder, empty but for the console. */
  folder: string
  /** File that takes the guest's console: the VMM's standard output goes there anyway. */
  console: string
  /** A free port of the host's loopback, for a VMM that forwards ports itself. */
  port: number
  /** The guest's port. */
  guestPort: number
}

/** A VMM as someone would start it by hand, with a machine of ufr's. */
export interface BareVmm {
  /** Of the machine's link; where it is a tap, the VMM and who asks the guest run in its namespace. */
  link: LinkEnd
  /** Makes ready what a start needs, which nobody takes the time of. @returns program and arguments. */
  lay(place: BarePlace): string[]
}
