import fs from 'node:fs'
import path from 'node:path'

/**
 * The toolchain's programs want a newer C library than hosts have, so its own dynamic linker starts them, each by a
 * script of its name. They look for one another, for the compiler's modules and for clang's headers from where their
 * executable is, which the kernel says is the dynamic linker: so a copy of it is beside the scripts, and the programs
 * themselves are in a folder next to it, from which their libraries are as far away as before.
 */
export const programsFolder = 'programs'
const linkerName = 'ld.so'

/** Libraries that make a program start with this C library and none of the host's, whatever asks for them first. */
const first = ['-lm', '-lstdc++', '-lgcc_s']

const start = `#!/bin/sh
bin=$(CDPATH= cd -- "\${0%/*}" && pwd -P) || exit 127
root=\${bin%/usr/libexec/swift/bin}
`

/** The script that stands for a program of the toolchain: `swiftc`. */
export function programScript(name: string): string {
  // Programs are linked to this C library, by this linker, with the headers and libraries of this root.
  const words = /^clang(\+\+|-\d+)?$/.test(name)
    ? ' --sysroot="$root" -fuse-ld=lld -Wno-unused-command-line-argument'
    : ''
  return `${start}export SDKROOT="$root"
exec "$bin/${linkerName}" --library-path "$root/usr/lib/x86_64-linux-gnu" --argv0 "$bin/${name}" "$bin/../${programsFolder}/${name}"${words} "$@"
`
}

/** Name of the compiler for what runs on the host while a package is built: its manifest, and plugins. */
export const hereCompiler = 'swiftc-here'

/** The script of that compiler: what it makes is started by the toolchain's own dynamic linker, from where it is now. */
export function hereScript(): string {
  const linker = [
    `--dynamic-linker="$bin/${linkerName}"`,
    '--disable-new-dtags',
    ...['-rpath', '"$root/usr/lib/x86_64-linux-gnu"'],
    '--no-as-needed',
  ]
  const words = [...linker.map((word) => `-Xlinker ${word}`), ...first]
  return `${start}exec "$bin/swiftc" ${words.join(' ')} "$@"
`
}

/**
 * Puts scripts in place of a toolchain's programs.
 * @param swift folder with `bin` and `lib`, at `usr/libexec/swift` of its root.
 * @param linker the dynamic linker of its C library.
 */
export function replacePrograms(swift: string, linker: string): void {
  const bin = path.join(swift, 'bin')
  const programs = path.join(swift, programsFolder)
  fs.renameSync(bin, programs)
  fs.mkdirSync(bin)
  for (const name of fs.readdirSync(programs)) {
    if (!/\.py$/.test(name)) writeScript(path.join(bin, name), programScript(name))
  }
  writeScript(path.join(bin, hereCompiler), hereScript())
  fs.copyFileSync(linker, path.join(bin, linkerName))
  fs.chmodSync(path.join(bin, linkerName), 0o755)
}

function writeScript(file: string, text: string): void {
  fs.writeFileSync(file, text)
  // Apart from writing: the umask has no say in it.
  fs.chmodSync(file, 0o755)
}
