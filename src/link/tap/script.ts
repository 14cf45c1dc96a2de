import { guestNetwork } from '../../vmm/machine.ts'
import { device, uplink } from './rules.ts'

/**
 * All that runs with rights in a guest's namespace. Its arguments are the commands for ip, the rules for nft (or
 * nothing), the relay, and for a guest that calls another with the folder that it runs in. With rules it waits for the addresses of the way to the outside, whose interface the host's
 * side puts here meanwhile. At last it becomes the relay, which gives up all rights.
 *
 * The kernel is to forward although there may be nowhere to: then it refuses what a guest tries, instead of being silent.
 * What a dead relay has left unsaid to a dead guest is said once more only: while the kernel repeats it, the namespace
 * and its interfaces stay, 136 s as it comes.
 */
export const namespaceScript = `set -e
for name in all default; do
  file=/proc/sys/net/ipv6/conf/$name/disable_ipv6
  [ ! -e $file ] || echo 1 >$file
done
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv4/tcp_orphan_retries
way=
if [ -n "$2" ]; then
  nft -f - <<END &
$2
END
  rules=$!
  echo here
  read -r host guest
  way="address add $guest/31 dev ${uplink}
link set ${uplink} up
route add default via $host"
fi
ip -batch - <<END
$1
$way
END
[ -z "$2" ] || wait "$rules"
if [ -n "$4" ]; then
  # A shell gives what it starts beside itself no standard input, by which the relay sees that ufr is there.
  exec 3<&0
  (cd "$5" && exec "$4" <&3 3<&-) &
  exec 3<&-
fi
exec "$3"
`

/**
 * Who may take the interface where root makes it: whatever user VMMs then run as, they are in this group, which no
 * distribution gives to anybody. It need not be another for each, for the namespace is.
 */
export const tapGroup = 0x6fff_ffff

/** What ip makes in the namespace; the second address is that of the guest's name server, which is refused or passed on. */
export function tapCommands(owner: string): string {
  const { gateway, nameserver, prefix } = guestNetwork
  return [
    'link set lo up',
    `tuntap add dev ${device} mode tap ${owner}`,
    `address add ${gateway}/${prefix} dev ${device}`,
    `address add ${nameserver}/${prefix} dev ${device}`,
    `link set ${device} up`,
  ].join('\n')
}
