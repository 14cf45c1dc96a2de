import { textContent } from './content.ts'
import { Tree } from './tree.ts'

/**
 * What a program expects of any Unix root: folders to mount on, and the names that C libraries look up. A base's own
 * files come on top. The guest's addresses are those of `guestNetwork`.
 */
export function skeleton({ nameserver, address }: { nameserver: string; address: string }): Tree {
  const tree = new Tree()
  for (const folder of ['dev', 'proc', 'sys', 'run', 'var/task', 'opt', 'root']) tree.directory(folder)
  tree.directory('tmp', 0o1777)
  tree.file(
    'etc/passwd',
    textContent('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'),
  )
  tree.file('etc/group', textContent('root:x:0:\nnogroup:x:65534:\n'))
  // Nanos calls itself after its address, OSv and Unikraft what they are: programs that look their own name up, as
  // Python's http.server does, would otherwise wait for a name server.
  const names = `${address.replaceAll('.', '-')} osv.local unikraft`
  tree.file('etc/hosts', textContent(`127.0.0.1 localhost\n${address} ${names}\n`))
  tree.file('etc/hostname', textContent('localhost\n'))
  tree.file('etc/nsswitch.conf', textContent('passwd: files\ngroup: files\nhosts: files dns\n'))
  tree.file('etc/resolv.conf', textContent(`nameserver ${nameserver}\n`))
  return tree
}
