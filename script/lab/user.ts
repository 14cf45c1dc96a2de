import path from 'node:path'
import { ufrHome } from '../../src/base/paths.ts'
import { quote } from '../../src/unikernel/linux/init.ts'
import { labFolder } from './initramfs.ts'
import { latin1 } from './latin1.ts'

/** A user of the guest who may nothing but open /dev/kvm. */
export interface User {
  uid: number
  gid: number
  /** Home folder; made where it is missing. */
  home: string
  /** Whether the shared folders are somebody else's. */
  guest: boolean
}

/** Lets everybody through to what is run, as the folders of root may not; only in the guest's own layer. */
export function openPaths(): string {
  const files = [import.meta.dirname, process.cwd(), ufrHome(), process.execPath]
  const parents = new Set<string>()
  for (const file of files)
    for (let at = path.dirname(file); at !== '/'; at = path.dirname(at)) parents.add(at)
  return `chmod a+x ${[...parents].map((folder) => quote(latin1(folder))).join(' ')} 2>/dev/null`
}

/** Puts a layer over UFR_HOME in which the user may write, and which goes with the guest. */
export function ownHome({ uid, gid, guest }: User, home: string): string {
  if (!guest) return ''
  const [lower, layer] = [`${labFolder}/home`, `${labFolder}/layer`]
  return `mkdir ${lower} ${layer}
mount --bind ${home} ${lower}
mount -t tmpfs -o mode=0755 layer ${layer}
mkdir ${layer}/upper ${layer}/work
mount -t overlay -o lowerdir=${lower},upperdir=${layer}/upper,workdir=${layer}/work home ${home} || stop no layer over ${home}
chown ${uid}:${gid} ${home} ${home}/*`
}

/** Sets the shell variable `privileges` to options of setpriv. */
export function privileges({ uid, gid, home }: User): string {
  const folder = quote(latin1(home))
  return `kvm=$(grep ^kvm: /etc/group | cut -d: -f3)
[ "$kvm" ] || { kvm=36; echo kvm:x:36: >>/etc/group; }
chgrp $kvm /dev/kvm
chmod 0660 /dev/kvm
grep -q '^[^:]*:[^:]*:${uid}:' /etc/passwd || printf 'lab:x:${uid}:${gid}::%s:/bin/sh\\n' ${folder} >>/etc/passwd
[ -d ${folder} ] || { mkdir -p ${folder}; chown ${uid}:${gid} ${folder}; }
privileges="--reuid=${uid} --regid=${gid} --groups=$kvm --inh-caps=-all --bounding-set=-all"`
}
