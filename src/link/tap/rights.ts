import fs from 'node:fs'
import { systemCode, UfrError } from '../../base/errors.ts'

/** What making a tap link needs of a process (capabilities(7)). */
const needed: Record<string, number> = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21 }

/**
 * How a tap link can be made: `capable` by this process's own capabilities, `alone` in a user namespace of its own,
 * which needs none and gives no way to the outside; else why not, in words that can follow "because".
 */
export type TapRights = { how: 'capable' | 'alone' } | { how: 'none'; reason: string }

/** Looks at capabilities, not at the user: root may lack them, and others may have been given them. */
export function tapRights(): TapRights {
  const tun = tunReason()
  if (tun !== undefined) return { how: 'none', reason: tun }
  const lacking = lackingCapabilities()
  if (lacking.length === 0) return { how: 'capable' }
  const closed = userNamespaceReason()
  if (closed === undefined) return { how: 'alone' }
  return { how: 'none', reason: `this process lacks ${lacking.join(' and ')}, and ${closed}` }
}

/** Whether they are enough: a way to the outside leads through the host's own network, which is not a user's. */
export function mayTap({ how }: TapRights, egress: boolean): boolean {
  return how === 'capable' || (how === 'alone' && !egress)
}

/** What to say where they are not. */
export function noRights(rights: TapRights): UfrError {
  const reason = rights.how === 'none' ? rights.reason : `egress needs ${Object.keys(needed).join(' and ')}`
  return new UfrError('UFR-LINK-RIGHTS', `a tap link cannot be made: ${reason}`)
}

/** Names of the capabilities that programs started by this process would lack. */
export function lackingCapabilities(status = read('/proc/self/status')): string[] {
  const { set } = passedOn(status)
  return Object.keys(needed).filter((name) => !(set & (1n << BigInt(needed[name]!))))
}

/** The capabilities that started programs would have, and the user that they run as. */
function passedOn(status: string): { set: bigint; isRoot: boolean } {
  const set = (name: string) => {
    const digits = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1]
    return digits === undefined ? 0n : BigInt(`0x${digits}`)
  }
  const isRoot = /^Uid:\s+\d+\s+0\s/m.test(status)
  // A program that root starts has root's capabilities; anybody else's has none but the ambient ones.
  return { set: set('CapEff') & (isRoot ? set('CapBnd') : set('CapAmb')), isRoot }
}

/** Why /dev/net/tun cannot be opened. */
function tunReason(): string | undefined {
  try {
    fs.accessSync('/dev/net/tun', fs.constants.R_OK | fs.constants.W_OK)
    return undefined
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT'
    return missing ? 'there is no /dev/net/tun (modprobe tun)' : '/dev/net/tun may not be opened'
  }
}

const setFileCapabilities = 31

/** Why a process without capabilities may not make user namespaces; undefined where nothing is known against it. */
export function userNamespaceReason(status = read('/proc/self/status')): string | undefined {
  const { set, isRoot } = passedOn(status)
  // user_namespaces(7): since Linux 5.12 for user 0 only.
  if (isRoot && !(set & (1n << BigInt(setFileCapabilities))))
    return 'root without CAP_SETFCAP has no other way'
  const closed = [
    ['/proc/sys/kernel/unprivileged_userns_clone', '0'],
    ['/proc/sys/user/max_user_namespaces', '0'],
    ['/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1'],
  ].find(([file, value]) => read(file!).trim() === value)
  return closed && `this host does not let users make user namespaces (${closed[0]} is ${closed[1]})`
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
