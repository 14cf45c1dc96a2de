import { handArguments, replaced } from '../../../src/bench/peers/qemu-arguments.ts'
import { descriptors } from '../../../src/vmm/qemu/arguments.ts'
import type { LinkEnd } from '../../../src/vmm/vmm.ts'
import type { BarePlace, BareVmm } from './vmm.ts'

/** A QEMU with ufr's own arguments, `args`. */
export function bareQemu(qemu: string, args: readonly string[], link: LinkEnd): BareVmm {
  return { link, lay: (place) => [qemu, ...bareArguments(args, place, link)] }
}

/** As `handArguments`, with the console in a file. @throws as it does. */
export function bareArguments(
  args: readonly string[],
  { console, port, guestPort }: Omit<BarePlace, 'folder'>,
  link: LinkEnd,
): string[] {
  const socket = `\n-chardev\nsocket,id=console,fd=${descriptors.console}\n-serial\nchardev:console\n`
  const forward = link.kind === 'user' ? { port, guestPort } : undefined
  return replaced(handArguments(args, forward), [[socket, `\n-serial\nfile:${console}\n`]])
}
