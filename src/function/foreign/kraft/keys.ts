import type { Handling } from '../ops/keys.ts'

const kernel = 'the kernel is that of the store: `ufr kernel pull unikraft`, or import what you have built'

/**
 * Every key of a Kraftfile (kraftkit: schema/v0.6.json and the older names), and what ufr makes of it. docs/inputs.md
 * prints this table.
 */
export const kraftKeys: Readonly<Record<string, { handling: Handling; says: string }>> = {
  cmd: { handling: 'taken', says: 'the program and its arguments, a list or a text' },
  env: { handling: 'taken', says: 'environment, a map or a list of NAME=VALUE' },
  extensions: { handling: 'idle', says: "kraft's own" },
  labels: { handling: 'idle', says: 'ufr has no labels' },
  libraries: { handling: 'noted', says: kernel },
  name: { handling: 'taken', says: 'name of the function' },
  outdir: { handling: 'idle', says: 'where kraft builds' },
  rootfs: {
    handling: 'taken',
    says: 'a folder or a cpio archive becomes the root; a Dockerfile is refused: ufr builds no containers',
  },
  runtime: { handling: 'noted', says: kernel },
  spec: { handling: 'taken', says: 'v0.5 to v0.7' },
  specification: { handling: 'taken', says: 'the same as spec' },
  targets: { handling: 'noted', says: 'kernel and VMM are chosen at the command line: --unikernel, --vmm' },
  template: { handling: 'noted', says: kernel },
  unikraft: { handling: 'noted', says: kernel },
  volumes: { handling: 'refused', says: 'volumes cannot be attached; put the files into rootfs' },
}
