import fs from 'node:fs'
import path from 'node:path'

/**
 * Writes a program that does what upstream's jailer does as far as files go: Firecracker starts in a root of its own,
 * where it finds what has been put there. A fake Firecracker needs its interpreter and this checkout there, too, and
 * therefore its user.
 */
export function fakeJailer(folder: string): string {
  const file = path.join(folder, 'jailer')
  fs.writeFileSync(file, script, { mode: 0o755 })
  return file
}

const script = `#!/bin/sh
set -eu
while [ "$1" != -- ]; do
  case $1 in
    --id) id=$2 ;;
    --exec-file) exec=$2 ;;
    --chroot-base-dir) base=$2 ;;
    --uid) uid=$2 ;;
    --gid) [ "$uid" = "$2" ] ;;
  esac
  shift 2
done
shift
root=$base/\${exec##*/}/$id/root
[ "$uid" -gt 1879048192 ] && [ -d "$root" ]
cp "$exec" "$root/"
for path in /*; do
  [ -d "$path" ] && [ ! -h "$path" ] || continue
  mkdir "$root$path"
  mount --rbind "$path" "$root$path"
done
for link in /*; do [ ! -h "$link" ] || cp -P "$link" "$root/"; done
exec chroot "$root" "/\${exec##*/}" --id "$id" "$@"
`
