import { callPort, guestNetwork } from '../../vmm/machine.ts'
import { interfacePrefix } from './pool.ts'

/** The interface in the guest's namespace that the VMM takes, and the one of the way to the outside. */
export const device = 'tap0'
export const uplink = 'up0'

/**
 * Where no guest may connect to although the host may: this network, loopback, link-local addresses (those of cloud
 * providers' metadata among them), the metadata services of Azure and Alibaba Cloud, and what is no single host.
 */
export const neverReached = [
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '168.63.129.16', '100.100.100.200'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
] as const

/** Most connections of one guest that are kept track of at a time: the host's table is for all. */
const mostConnections = 8192

export interface InsideRules {
  /** The name server that the guest's questions go to, where there is one. */
  resolver: string | undefined
  /** Range of the addresses of all ways to the outside. */
  pool: string
  /** The host's own addresses. */
  host: readonly string[]
  /** Whether the guest may call. */
  calls?: boolean
}

/**
 * Rules in the namespace of a guest with egress, in nft's language. In: only answers, and nothing new from outside. Out:
 * new connections to the outside, but not to the host, other guests, or `neverReached`. All leaves with the address of
 * the way to the outside.
 */
export function insideRules({ resolver, pool, host, calls = false }: InsideRules): string {
  const { address, gateway, nameserver } = guestNetwork
  const dns = `iifname "${device}" ip daddr ${nameserver} meta l4proto { tcp, udp } th dport 53`
  const calling = calls ? `iifname "${device}" ip daddr ${gateway} tcp dport ${callPort} accept\n    ` : ''
  return `table ip ufr {
  chain prerouting {
    type nat hook prerouting priority dstnat
    ${resolver === undefined ? '' : `${dns} dnat to ${resolver}`}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    oifname "${uplink}" masquerade
  }
  chain input {
    type filter hook input priority filter; policy drop
    iifname "${device}" ct state established,related accept
    ${calling}iifname "${device}" reject
  }
  chain output {
    type filter hook output priority filter; policy drop
    oifname "${device}" accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop
    ct state established,related accept
    iifname != "${device}" drop
    ip saddr != ${address} drop
    ct state new ct count over ${mostConnections} reject
    ct status dnat accept
    ip daddr { ${neverReached.join(', ')} } reject with icmp admin-prohibited
    ip daddr ${pool} reject with icmp admin-prohibited
    ${host.length === 0 ? '' : `ip daddr { ${host.join(', ')} } reject with icmp admin-prohibited`}
    oifname "${uplink}" accept
  }
}
`
}

/**
 * Rules on the host while this process has a guest with egress, on one line, as nft's own command line wants them. The
 * table belongs to the nft that made it: the kernel takes it away when that ends, however it ends, and no other
 * command, such as the restart of a firewall, changes it meanwhile. What does not come from our interfaces or go to
 * them is not looked at further. The same rules of another ufr beside them do no harm.
 */
export function hostRules(table: string): string {
  const ours = `"${interfacePrefix}*"`
  const chains = {
    forward: [
      'type filter hook forward priority filter - 10',
      `iifname != ${ours} oifname != ${ours} accept`,
      // Paths to the outside can have a smaller MTU than ours, and not all say so.
      'tcp flags syn tcp option maxseg size set rt mtu',
      'ct state established,related accept',
      `oifname ${ours} drop`,
      'meta l4proto { tcp, udp } th dport 53 accept',
      `ip daddr { ${neverReached.join(', ')} } drop`,
      'accept',
    ],
    input: [
      'type filter hook input priority filter - 10',
      `iifname != ${ours} accept`,
      'ct state established,related accept',
      'drop',
    ],
    postrouting: ['type nat hook postrouting priority srcnat', `iifname ${ours} masquerade`],
  }
  const text = Object.entries(chains).map(([name, lines]) => `chain ${name} { ${lines.join('; ')}; }`)
  return `table ip ${table} { flags owner; ${text.join('; ')}; }`
}
