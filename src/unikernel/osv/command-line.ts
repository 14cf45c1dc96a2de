import { UfrError } from '../../base/errors.ts'
import { taskFolder } from '../../language/program.ts'
import { type Board, guestNetwork } from '../../vmm/machine.ts'
import type { MachineSettings } from '../unikernel.ts'
import type { Start } from './start.ts'

/** Where the start script is, in the guest. */
export const startFolder = 'opt/ufr/start'
export const startScript = `${startFolder}/command`

/** What a VMM may add behind our words: a few of its own, and each device's place in memory. */
const addedBytes = 256

export interface CommandLineParts {
  /** Options without values, such as `verbose`. */
  flags: string[]
  /** Options with values, in the order in which they are to stand. */
  options: Option[]
}

type Option = [name: string, value: string]

/**
 * The kernel's command line: its options, then the script that names the program. It ends with a semicolon: what a VMM
 * writes behind it is then a command of its own, for when the program has ended, and no argument of the program's. By
 * then OSv is off: a program's end is the machine's.
 */
export function commandLine({ flags, options }: CommandLineParts): string {
  const words = [
    ...flags.map((name) => `--${name}`),
    ...options.map(([name, value]) => `--${name}=${escaped(value)}`),
    'runscript',
    `/${startScript};`,
  ]
  return words.join(' ')
}

/**
 * The line for a machine with base and function on a disk each.
 * @throws UfrError UFR-MACHINE where the VMM has no room for it.
 */
export function machineLine(
  start: Start,
  workingDirectory: string,
  board: Board,
  { traits, network }: MachineSettings,
): string {
  const line = commandLine({
    // Without `verbose`, the kernel does not say with which status a program ended.
    flags: ['verbose', 'power-off-on-abort', ...(board === 'pc' ? [] : ['nopci'])],
    options: [
      ['rootfs', 'rofs'],
      ['mount-fs', `rofs,/dev/vblk1.0,/${startFolder}`],
      ['mount-fs', `rofs,/dev/vblk1.1,/${taskFolder}`],
      ['cwd', workingDirectory],
      ...(network ? networkOptions : []),
      ...start.variables.map((setting): Option => ['env', setting]),
    ],
  })
  const room = traits.commandLineBytes - 1 - (traits.extendsCommandLine ? addedBytes : 0)
  const bytes = Buffer.byteLength(line)
  if (bytes <= room) return line
  throw new UfrError('UFR-MACHINE', `OSv's command line has ${bytes} bytes, and there is room for ${room}`, {
    fix: 'Shorten the variables and arguments that are not plain ASCII, or have a `$`, a `?=` or a line feed in them; the others count for nothing.',
  })
}

const networkOptions: Option[] = [
  ['ip', `eth0,${guestNetwork.address},${guestNetwork.netmask}`],
  ['defaultgw', guestNetwork.gateway],
  ['nameserver', guestNetwork.nameserver],
]

/**
 * A value as the kernel's own parser takes it: a backslash before each blank and backslash (libc/string/stresep.c).
 * Others read the line before: no value may look like a device to OSv's drivers (drivers/virtio-mmio.cc), nor like
 * what parts a kernel's words from a program's, ` -- `, to Firecracker.
 */
export function escaped(value: string): string {
  return value
    .replaceAll(/[ \t\n\\]|(?<=[ \t\n])-/g, '\\$&')
    .replaceAll('virtio_mmio.device=', 'virtio_mmio\\.device=')
}
