import { guestNetwork } from '../../../src/vmm/machine.ts'
import { descriptors, networkId } from '../../../src/vmm/qemu/arguments.ts'
import type { LinkEnd } from '../../../src/vmm/vmm.ts'
import type { BarePlace, BareVmm } from './vmm.ts'

/** A QEMU with ufr's own arguments, `args`. */
export function bareQemu(qemu: string, args: readonly string[], link: LinkEnd): BareVmm {
  return { link, lay: (place) => [qemu, ...bareArguments(args, place, link)] }
}

/**
 * QEMU's arguments as ufr has them, without what only ufr needs: no control connection and so no waiting for a command
 * to start, the console in a file, the port forwarded from the beginning where it is QEMU that forwards it.
 * @throws Error where an argument is not there that ought to be: what ufr passes has changed.
 */
export function bareArguments(
  args: readonly string[],
  { console, port, guestPort }: Omit<BarePlace, 'folder'>,
  link: LinkEnd,
): string[] {
  const network = `\nuser,id=${networkId},`
  const forward = `hostfwd=tcp:127.0.0.1:${port}-${guestNetwork.address}:${guestPort},`
  const replaced = [
    ['\n-S\n', '\n'],
    [`\n-chardev\nsocket,id=qmp,fd=${descriptors.qmp}\n-mon\nchardev=qmp,mode=control\n`, '\n'],
    [
      `\n-chardev\nsocket,id=console,fd=${descriptors.console}\n-serial\nchardev:console\n`,
      `\n-serial\nfile:${console}\n`,
    ],
    ...(link.kind === 'user' ? [[network, `${network}${forward}`]] : []),
  ].reduce((text, [from, to]) => {
    if (text.split(from!).length !== 2) throw new Error(`ufr's arguments for QEMU have no ${from!.trim()}`)
    return text.replace(from!, () => to!)
  }, args.join('\n'))
  return replaced.split('\n')
}
