import { guestNetwork } from '../../vmm/machine.ts'
import type { KernelProtocol } from './kernel-file.ts'

/** Where the guest has its first program. */
export const startPath = 'ufr/start'

/**
 * The kernel's command line: parameters of its libraries, `--`, and the program (lib/ukboot/early_init.c,
 * lib/uklibparam/parser.c). Nothing of a function is in it, see start.ts.
 *
 * `netdev.ip` is address:gateway:name servers:host name:domain (lib/uknetdev/einfo_libparam.c). Of the table of mounts,
 * an archive needs something mounted at its place: ramfs=2 mounts a ramfs where nothing is (lib/vfscore/automount.c).
 */
export function commandLine(protocol: KernelProtocol, network: boolean): string {
  const { address, prefix, gateway, nameserver } = guestNetwork
  return [
    // The first word is the kernel's name: a loader of multiboot kernels puts the file's path there itself.
    ...(protocol === 'linux' ? ['unikraft'] : []),
    ...(network ? [`netdev.ip=${address}/${prefix}:${gateway}:${nameserver}:::`] : []),
    'vfs.fstab=[ "initrd0:/:extract::ramfs=2:" ]',
    '--',
    `/${startPath}`,
  ].join(' ')
}
