import { guestNetwork } from '../../vmm/machine.ts'
import { descriptors, networkId } from '../../vmm/qemu/arguments.ts'

/** A port of the host's loopback that leads to one of the guest's. */
export interface Forward {
  port: number
  guestPort: number
}

/**
 * QEMU's arguments as ufr has them, without what only ufr needs: no control connection and so no waiting for a command
 * to start; the port is forwarded from the beginning where it is QEMU that forwards it.
 * @throws Error where an argument is not there that ought to be: what ufr passes has changed.
 */
export function handArguments(args: readonly string[], forward: Forward | undefined): string[] {
  const network = `\nuser,id=${networkId},`
  const control = `\n-chardev\nsocket,id=qmp,fd=${descriptors.qmp}\n-mon\nchardev=qmp,mode=control\n`
  return replaced(args, [
    ['\n-S\n', '\n'],
    [control, '\n'],
    ...(forward ? [[network, `${network}${rule(forward)},`] as const] : []),
  ])
}

function rule({ port, guestPort }: Forward): string {
  return `hostfwd=tcp:127.0.0.1:${port}-${guestNetwork.address}:${guestPort}`
}

/** Arguments with some of them replaced by others; they stand between line feeds. @throws Error where one is not there. */
export function replaced(
  args: readonly string[],
  pairs: readonly (readonly [from: string, to: string])[],
): string[] {
  const text = pairs.reduce(
    (all, [from, to]) => {
      if (all.split(from).length !== 2) throw new Error(`ufr's arguments for QEMU have no ${from.trim()}`)
      return all.replace(from, () => to)
    },
    `\n${args.join('\n')}\n`,
  )
  return text.slice(1, -1).split('\n')
}
