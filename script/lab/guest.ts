import path from 'node:path'
import { bootId } from '../../src/base/host-cache.ts'
import { ufrHome } from '../../src/base/paths.ts'
import { quote } from '../../src/unikernel/linux/init.ts'
import { labFolder, shareOptions } from './initramfs.ts'
import { latin1 } from './latin1.ts'
import type { Lab } from './parts.ts'
import { openPaths, ownHome, privileges, type User } from './user.ts'

/** A command with all that it gets from its caller; texts are latin1. */
export interface Command {
  words: string[]
  environment: [name: string, value: string][]
  folder: string
  /** Whom to run it as; root where nobody is given. */
  user?: User
}

/** The tag of a shared folder, by its index. */
export function shareTag(index: number): string {
  return `share${index}`
}

/**
 * The second script of the guest's first process: around the shared folders a machine as programs expect it, then the
 * command, then how it ended.
 * @param shares folders of the machine that can be written to, the outer ones first.
 * @param token ends the output on each port, so that nothing can be lost behind it.
 */
export function startScript(lab: Lab, shares: readonly string[], { user }: Command, token: string): string {
  const unpacked = (file: string) => quote(latin1(path.join(lab.root, file)))
  const home = quote(latin1(ufrHome()))
  return `${labFolder}/busybox mkdir ${labFolder}/bin
${labFolder}/busybox mount -t proc proc /proc
${labFolder}/busybox --install -s ${labFolder}/bin
PATH=${labFolder}/bin
stop() { echo "fail $*" >&3; sleep 10; poweroff -f; }
mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm /dev/net
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
ln -sf pts/ptmx /dev/ptmx
ln -sf /proc/self/fd /dev/fd
for stream in 0:stdin 1:stdout 2:stderr; do ln -sf /proc/self/fd/\${stream%:*} /dev/\${stream#*:}; done
for folder in /tmp /var/tmp /dev/shm; do mkdir -p $folder && mount -t tmpfs -o mode=1777,nosuid,nodev tmp $folder; done
mkdir -m 1777 -p /run/lock
${user ? openPaths() : ''}
${shares.map(mountShare).join('\n')}
${user ? ownHome(user, home) : ''}
for folder in cache run; do
  mkdir -p ${home}/$folder && mount -t tmpfs -o mode=0755${user ? `,uid=${user.uid},gid=${user.gid}` : ''} $folder ${home}/$folder
done
# The files are the machine's, so what is good until it boots again is good here as well: written volumes.
echo ${bootId()} >${labFolder}/boot_id
mount --bind ${labFolder}/boot_id /proc/sys/kernel/random/boot_id
hostname kvm-lab
echo 127.0.1.1 kvm-lab >>/etc/hosts
ifconfig lo 127.0.0.1 up
mkdir -p /lib/modules/${lab.release}
mount --bind ${unpacked(`usr/lib/modules/${lab.release}`)} /lib/modules/${lab.release}
${moduleTools(unpacked)}
[ -c /dev/kvm ] || stop "the guest has no /dev/kvm: $(dmesg | grep -i -e kvm -e svm | tail -n 3)"
chmod 0666 /dev/kvm /dev/net/tun
privileges=
${user ? privileges(user) : ''}
mkfifo ${labFolder}/output ${labFolder}/errors
cat ${labFolder}/output >&4 &
output=$!
cat ${labFolder}/errors >&5 &
errors=$!
echo start >&3
setsid sh ${labFolder}/command $privileges </dev/null >${labFolder}/output 2>${labFolder}/errors 3>&- 4>&- 5>&-
status=$?
for process in /proc/[0-9]*; do
  case \${process#/proc/} in 1 | $output | $errors) ;; *) kill -KILL \${process#/proc/} 2>/dev/null ;; esac
done
wait $output $errors
sync
printf %s ${quote(token)} >&4
printf %s ${quote(token)} >&5
echo "exit $status" >&3
sleep 10
poweroff -f
`
}

function mountShare(share: string, index: number): string {
  const folder = quote(latin1(share))
  const mount = `mount -t 9p -o cache=mmap,${shareOptions} ${shareTag(index)} ${folder}`
  return `mkdir -p ${folder} && ${mount} || stop ${folder} cannot be shared`
}

/** For the kernel, which loads what is wanted, and for people: where the machine has none, those of the packages. */
function moduleTools(unpacked: (file: string) => string): string {
  const loader = unpacked('usr/lib64/ld-linux-x86-64.so.2')
  const libraries = unpacked('usr/lib/x86_64-linux-gnu')
  const kmod = unpacked('usr/bin/kmod')
  const script = `#!/bin/sh\nexec ${loader} --argv0 "\${0##*/}" --library-path ${libraries} ${kmod} "$@"\n`
  return `for name in modprobe lsmod insmod rmmod modinfo; do
  [ -x /sbin/$name ] || { printf %s ${quote(script)} >/sbin/$name; chmod 0755 /sbin/$name; }
done`
}

/** The script that becomes the command, in the caller's folder and environment; its arguments are setpriv's options. */
export function commandScript({ words, environment, folder }: Command): string {
  const path = environment.find(([name]) => name === 'PATH')?.[1] ?? '/usr/bin:/bin'
  const assignments = environment.map(([name, value]) => quote(`${name}=${value}`))
  return `cd ${quote(folder)} || exit 125
PATH=${quote(path)}
exec /usr/bin/env -i ${assignments.join(' ')} setpriv "$@" -- ${words.map(quote).join(' ')}
`
}
