import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { ufrHome } from '../../base/paths.ts'
import { findCommand } from '../../base/process.ts'
import type { Firecracker } from './binary.ts'

/** What upstream's jailer and the steps around it need of a process (capabilities(7)). */
const capabilities: Record<string, number> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_MKNOD: 27,
}

/** Why a Firecracker does not run in its jailer, in words that can follow a colon; undefined where it does. */
export function noJailReason({ jailer, dynamic }: Firecracker): string | undefined {
  if (process.env['UFR_JAIL'] === 'off') return 'UFR_JAIL is off'
  if (process.getuid?.() !== 0) return 'only root can use it'
  const held = effectiveCapabilities()
  const lacking = Object.keys(capabilities).filter((name) => !(held & (1n << BigInt(capabilities[name]!))))
  if (lacking.length > 0) return `this root lacks ${lacking.join(', ')}`
  if (dynamic) return 'it is linked against libraries, which a jail does not have'
  if (jailer === undefined) return 'there is no jailer beside it'
  return findCommand('unshare') ? undefined : 'unshare (util-linux) is not on PATH'
}

function effectiveCapabilities(): bigint {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(fs.readFileSync('/proc/self/status', 'latin1'))
  return match ? BigInt(`0x${match[1]}`) : 0n
}

/** User ids for jailed machines: 0x70000000 and up, which no distribution gives to anybody, as many as there are pids. */
const usualIds = { first: 0x7000_0000, count: 1 << 22 }
const largestId = 2 ** 32 - 2

/**
 * The user and group ids that jailed machines run under: UFR_JAIL_UID is `FIRST` or `FIRST-LAST`. Each gets the id at
 * its own process id's place, so that no two of them that live at a time have the same one, without any book-keeping.
 * @throws UfrError UFR-USAGE where the variable is something else.
 */
export function jailIds(): { first: number; count: number } {
  const set = process.env['UFR_JAIL_UID']
  if (!set) return usualIds
  const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(set)
  const first = Number(match?.[1])
  const last = match?.[2] === undefined ? first + usualIds.count - 1 : Number(match[2])
  if (match && first > 0 && last >= first && last <= largestId) return { first, count: last - first + 1 }
  throw new UfrError('UFR-USAGE', `UFR_JAIL_UID is ${set}`, {
    fix: 'Set it to the first of the user ids for jailed machines, or to FIRST-LAST; 0 is not allowed.',
  })
}

/** A file or folder of the host that is to be seen in the jail. */
export interface JailFile {
  host: string
  /** Its name at the jail's root. */
  name: string
  mode: 'read-only' | 'read-write'
  /** A folder that is to belong to the jail's user. */
  folder?: boolean
}

export interface JailPlan {
  jailer: string
  firecracker: string
  /** A folder of ours for folders. What is mounted there is seen by the machine's processes only, and gone with them. */
  base: string
  /** Where the table of mounts is written. */
  table: string
  files: JailFile[]
  /** Path of the network namespace to enter. */
  namespace?: string
  /** The group to be in; without one, one like the user. */
  group?: number
  /** Firecracker's own arguments. */
  args: string[]
}

/** Names the jail for the jailer, which makes folders of it. */
const jailId = 'ufr'
const spareBytes = 4 << 20

/**
 * The first process of the PID namespace. It stays root, so that the signal which its parent's death sends it is not
 * forgotten (as it is when a process changes its user), and everything else in the namespace ends with it. Its mounts
 * are in a namespace of their own. It tells the process id that Firecracker has on the host, and passes on its status.
 * Arguments: root, bytes, table, first id, number of ids, folder for sockets or nothing, group or nothing, then the
 * jailer's.
 */
const script = `set -eu
root=$1 bytes=$2 table=$3 first=$4 count=$5 sockets=$6 group=$7
shift 7
mount -t tmpfs -o "size=$bytes,mode=0755,nosuid" ufr-jail "$root"
while read -r kind name; do
  if [ "$kind" = folder ]; then mkdir "$root/$name"; else : >"$root/$name"; fi
done <"$table.names"
[ ! -s "$table" ] || mount -a -T "$table"
# A shell tells on standard error how its children end.
exec 4>&2 2>/dev/null
(
  exec 2>&4 4>&-
  read -r pid rest </proc/self/stat
  id=$((first + pid % count))
  [ -z "$sockets" ] || chown "$id:$id" "$sockets"
  echo "$pid" >&3
  exec 3>&-
  jailer=$1
  shift
  exec "$jailer" --uid "$id" --gid "\${group:-$id}" "$@"
)
exit $?`

/** Program and arguments that start a Firecracker in a jail. Descriptor 3 gets its process id. */
export function jailCommand(plan: JailPlan): { file: string; args: string[] } {
  // The folder that the jailer makes for itself, and shows to Firecracker as the only one there is.
  const root = path.join(plan.base, path.basename(fs.realpathSync(plan.firecracker)), jailId, 'root')
  fs.mkdirSync(root, { recursive: true })
  const { first, count } = jailIds()
  writeTable(plan, root)
  const bytes = fs.statSync(plan.firecracker).size + spareBytes
  const sockets = plan.files.find(({ folder }) => folder)?.host ?? ''
  const jailer = [
    ...[plan.jailer, '--id', jailId, '--exec-file', plan.firecracker, '--chroot-base-dir', plan.base],
    ...(plan.namespace === undefined ? [] : ['--netns', plan.namespace]),
    ...['--', ...plan.args],
  ]
  const numbers = [bytes, plan.table, first, count].map(String)
  return {
    file: 'unshare',
    args: [
      ...['--mount', '--pid', '--fork', '--kill-child', '--', 'sh', '-c', script, 'ufr-jail'],
      ...[root, ...numbers, sockets, String(plan.group ?? ''), ...jailer],
    ],
  }
}

function writeTable({ table, files }: JailPlan, root: string): void {
  const lines = files.map(({ host, name, mode }) => {
    const options = ['bind', 'nosuid', 'nodev', 'noexec', ...(mode === 'read-only' ? ['ro'] : [])]
    return `${escapeField(host)} ${escapeField(path.join(root, name))} none ${options.join(',')} 0 0\n`
  })
  fs.writeFileSync(table, lines.join(''))
  const names = files.map(({ name, folder }) => `${folder ? 'folder' : 'file'} ${name}\n`)
  fs.writeFileSync(`${table}.names`, names.join(''))
}

/** White space and the like as fstab(5) has it. */
function escapeField(text: string): string {
  return text.replace(/[\s\\#]/g, (each) => `\\${each.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

/**
 * Makes sure that a machine's own user can read a file. What is in UFR_HOME is made readable: who gets as far as there
 * is decided by its folders, which a jail does not go through.
 * @throws UfrError UFR-VMM-START for a file of somebody else's that only its owner may read.
 */
export function letJailRead(file: string): void {
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  if (!stat)
    throw new UfrError('UFR-VMM-START', `${file} is to be one of the machine's files, and is not there`)
  const { mode } = stat
  if (mode & 0o004) return
  if (!`${fs.realpathSync(file)}/`.startsWith(`${fs.realpathSync(ufrHome())}/`)) {
    throw new UfrError('UFR-VMM-START', `${file} cannot be read by the user that a jailed machine runs as`, {
      fix: `Run \`chmod o+r ${file}\`, or set UFR_JAIL=off to run without a jail.`,
    })
  }
  fs.chmodSync(file, (mode | 0o004) & 0o7777)
}
