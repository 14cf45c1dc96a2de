import type { Program } from '../../language/program.ts'
import { markNames } from '../../link/marks.ts'
import { guestNetwork } from '../../vmm/machine.ts'
import { observeLines, tellLine } from './observe.ts'

/** Where the function's disk is mounted in the guest; the task folder is bound from its `task`. */
export const functionMount = 'opt/ufr/function'
/** busybox in the guest's root, for the second stage. */
export const busyboxPath = 'opt/ufr/busybox'
/** The second stage's script, on the function's disk. */
export const startScript = 'start'
/** Kernel parameter, and so environment variable of init, that names where standard error goes. */
export const errorsParameter = 'ufr_errors'
/** The same for the address of the gateway, where there is a way to the outside. */
export const gatewayParameter = 'ufr_gateway'
/** The same, set where the host comes over vsock. */
export const vsockParameter = 'ufr_vsock'
/** The same, set where the guest calls its host over vsock. */
export const callsParameter = 'ufr_calls'
/** In the initramfs: what hands on connections that come over vsock, and those that are to leave over it. */
export const relayPath = 'bin/relay'
export const callsRelayPath = 'bin/calls'

/** What a program's entry mark is written to, and nothing else: high enough to be nobody else's. */
export const entryDescriptor = 200

/** Where the initramfs mounts the guest's root. */
const root = '/root'

/** Where the image's root is mounted in the initramfs when the guest's root is to be written to, and what is written. */
const lower = '/lower'
const writes = '/writes'
/** What is mounted before the folders for what is written can be made. */
export const firstTable = `dev /dev devtmpfs mode=0755 0 0
/dev/vda ${lower} erofs ro 0 0
writes ${writes} tmpfs mode=0755 0 0
`
export const writableFolders = [lower, writes].map((folder) => folder.slice(1))

/**
 * The first stage, in the initramfs: loads what the kernel needs to find the disks, puts the root together and hands
 * over to the function's own script. Every command costs a process, under emulation several milliseconds: so mounts
 * are made by one command from a table, and symbolic links copied in one go.
 * @param vsock modules that are needed only where the host comes over vsock.
 * @param writable whether what is written to the root is kept in memory (overlayfs), or is not let happen.
 */
export function initScript(modules: string[], vsock: string[], writable = false): string {
  const b = '/bin/busybox'
  const first = `${b} mount -a -T /etc/fstab.first
${b} mkdir ${writes}/upper ${writes}/work
`
  return `#!${b} sh
modules='${modules.join(' ')}'
[ -z "$${vsockParameter}" ] || modules="$modules ${vsock.join(' ')}"
for module in $modules; do ${b} insmod /lib/modules/$module; done
${writable ? first : ''}${b} mount -a -T /etc/fstab
${b} cp -a /etc/dev/. /dev/
if [ -n "$${vsockParameter}" ]; then /${relayPath} & fi
if [ -n "$${callsParameter}" ]; then /${callsRelayPath} & fi
cd ${root}
exec ${b} chroot . /${busyboxPath} sh /${functionMount}/${startScript}
`
}

/**
 * What init mounts, in order; paths as seen from the initramfs.
 * @param ownDisk whether the function has a disk of its own; else its files are in the root already.
 */
export function initTable(ownDisk: boolean, writable = false): string {
  const safe = 'nosuid,nodev'
  const task = `/dev/vdb ${root}/${functionMount} erofs ro 0 0
${root}/${functionMount}/task ${root}/var/task none bind 0 0
`
  const kept = `lowerdir=${lower},upperdir=${writes}/upper,workdir=${writes}/work`
  const below = writable
    ? `overlay ${root} overlay ${kept} 0 0`
    : `dev /dev devtmpfs mode=0755 0 0
/dev/vda ${root} erofs ro 0 0`
  const scratch = `tmp ${root}/tmp tmpfs mode=1777,${safe} 0 0
run ${root}/run tmpfs mode=0755,${safe} 0 0
`
  return `${below}
${ownDisk ? task : ''}dev ${root}/dev devtmpfs mode=0755 0 0
proc ${root}/proc proc ${safe},noexec 0 0
sys ${root}/sys sysfs ${safe},noexec 0 0
${writable ? '' : scratch}`
}

/** What programs expect in /dev besides what the kernel puts there. */
export const deviceLinks: Record<string, string> = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
}

/**
 * The second stage, process 1 from then on: sets up the network, runs the program, tells its exit status and ends the
 * machine. It stays as the parent, so that children whose own parents are gone are waited for.
 * @param observing whether to note the files that the program asks for (observe.ts).
 */
export function startStage(program: Program, observing = false): string {
  const b = `/${busyboxPath}`
  const { address, gateway, netmask } = guestNetwork
  const loopback = `${b} ifconfig lo 127.0.0.1 up`
  const card = `${b} ifconfig eth0 ${address} netmask ${netmask} up`
  const way = `[ -z "$${gatewayParameter}" ] || ${b} route add default gw "$${gatewayParameter}"`
  // So the host's address is the same on every link.
  const host = `[ -z "$${callsParameter}" ] || ${b} ifconfig lo:1 ${gateway} netmask 255.255.255.255 up`
  const told = mark(markNames.network)
  const command = [program.startedAs ?? program.executable, ...program.argv.slice(1)].map(quote).join(' ')
  return [
    `if [ -e /sys/class/net/eth0 ]; then ${loopback}; ${card}; ${way}; ${told}`,
    `elif [ -n "$${vsockParameter}" ]; then ${loopback}; ${host}; ${told}; fi`,
    ...(observing ? observeLines(b, program.callsRuntimeApi === true) : []),
    `cd ${quote(program.workingDirectory)}`,
    `errors="\${${errorsParameter}:-/dev/console}"`,
    `unset HOME TERM PWD OLDPWD modules ${errorsParameter} ${gatewayParameter} ${vsockParameter} ${callsParameter}`,
    ...Object.entries(program.environment).map(([name, value]) => `export ${name}=${quote(value)}`),
    `${command} </dev/null 2>"$errors"${program.entryMark ? ` ${program.entryMark.descriptor}>&1` : ''}`,
    ...(observing ? [`status=$?; ${tellLine}; (exit $status)`] : []),
    `${mark(`${markNames.exit};%d`)} $?`,
    `exec ${b} poweroff -f`,
    '',
  ].join('\n')
}

/** A command of the shell's own that writes a mark; see link/marks.ts. */
function mark(text: string): string {
  return `printf '\\033_ufr;${text}\\033\\\\'`
}

/** One word for a shell, whatever is in it. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
