import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { bytesContent, fileContent, textContent } from '../../src/image/content.ts'
import { planCpio } from '../../src/image/formats/cpio/writer.ts'
import { Tree } from '../../src/image/tree.ts'
import { writeLayout } from '../../src/image/write.ts'
import { moduleClosure } from '../../src/unikernel/linux/modules.ts'

/** Loaded at the guest's start; all others when they are wanted, by modprobe. */
const modules = [
  ...['virtio_pci', 'virtio_console', 'virtio_rng', '9p', '9pnet_virtio', 'overlay'],
  ...['kvm_amd', 'tun', 'vhost_vsock', 'vsock'],
]

/** Names of the serial ports between host and guest; output and errors are the command's own. */
export const ports = ['control', 'output', 'errors'] as const

/** Tag of the machine's whole file system, shared read-only. */
export const rootTag = 'root'

/** Options of every shared folder but its cache. */
export const shareOptions = 'trans=virtio,version=9p2000.L,msize=524288'

/** Where the guest has what is the lab's own. */
export const labFolder = '/run/kvm-lab'

/**
 * The guest's first process: puts the root together, of the machine's files and a layer that takes all that is written
 * and goes with the guest; takes two scripts from the control port, and hands over to the first of them.
 */
export const init = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /lower /layer /root
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod /lib/modules/$module.ko || echo "init: $module does not load" >/dev/console; done
port() { grep -lx "$1" /sys/class/virtio-ports/*/name 2>/dev/null | cut -d/ -f5; }
until [ "$(port ${ports.at(-1)})" ]; do sleep 0.1; done
exec 3<>/dev/$(port control) 4>/dev/$(port output) 5>/dev/$(port errors)
stop() { echo "fail $*" >&3; sleep 10; poweroff -f; }
mount -t 9p -o ro,cache=loose,${shareOptions} ${rootTag} /lower || stop 'the file system of the machine cannot be mounted'
mount -t tmpfs -o mode=0755 layer /layer
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work root /root || stop 'no overlay'
umount /sys /proc
mount --move /dev /root/dev
mount -t tmpfs -o mode=0755 run /root/run
mkdir /root${labFolder}
cp /bin/busybox /root${labFolder}/
read -r start command <&3
for file in start command; do
  eval size=\\$$file
  dd iflag=fullblock bs="$size" count=1 of=/root${labFolder}/$file <&3 2>/dev/null
done
exec switch_root /root ${labFolder}/busybox sh ${labFolder}/start
`

/** Made of the packages in a moment and kept, so that a change here wants no new download. */
export async function openInitramfs(root: string, release: string): Promise<string> {
  const recipe = createHash('sha256')
    .update(JSON.stringify([init, modules]))
    .digest('hex')
  const file = path.join(root, `initramfs-${recipe.slice(0, 12)}.cpio`)
  if (fs.existsSync(file)) return file
  const closure = await moduleClosure(path.join(root, 'usr/lib/modules', release), release, modules)
  const busybox = path.join(root, 'usr/bin/busybox')
  const tree = new Tree()
    .file('init', textContent(init), 0o755)
    .file('bin/busybox', fileContent(busybox, fs.statSync(busybox).size), 0o755)
    .file('modules', textContent(closure.modules.map(({ name }) => `${name}\n`).join('')))
  for (const { name, bytes } of closure.modules) tree.file(`lib/modules/${name}.ko`, bytesContent(bytes))
  await writeLayout(file, planCpio(tree))
  return file
}
