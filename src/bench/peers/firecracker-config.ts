import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import type { Put } from '../../vmm/firecracker/api.ts'
import { machineRequests } from '../../vmm/firecracker/configuration.ts'
import { bootFile } from '../../vmm/firecracker/kernel.ts'
import type { MachineSpec } from '../../vmm/machine.ts'
import type { LinkEnd } from '../../vmm/vmm.ts'

/**
 * Lays out a machine for a Firecracker without its jailer and without its API, as its documentation starts one: the
 * machine is in a file. It is the same machine; copies of disks that the guest may write to are made here.
 * @param folder an empty one.
 * @returns Firecracker's arguments.
 */
export function layMachine(spec: MachineSpec, link: LinkEnd, folder: string): string[] {
  const kernel = bootFile(spec.kernel)
  const disks = spec.disks.map((disk, index) => {
    if (disk.mode === 'read-only') return disk.file
    const copy = path.join(folder, `disk${index}`)
    execFileSync('cp', ['--reflink=auto', '--sparse=auto', '--', disk.file, copy])
    return copy
  })
  const paths = { kernel, disks, ...(spec.initrd && { initrd: spec.initrd.file }) }
  const config = configuration(machineRequests(spec, paths, link), (template) => {
    const cpu = path.join(folder, 'cpu.json')
    fs.writeFileSync(cpu, JSON.stringify(template))
    return cpu
  })
  const machine = path.join(folder, 'machine.json')
  fs.writeFileSync(machine, JSON.stringify(config))
  return ['--no-api', '--config-file', machine]
}

/** What can be there more than once. */
const lists = new Set(['drives', 'network-interfaces'])

/**
 * What the API is asked for, as it stands in a file (firecracker: src/vmm/src/resources.rs, VmmConfig).
 * @param keep puts a processor template into a file of its own and returns its name.
 */
export function configuration(
  requests: readonly Put[],
  keep: (template: unknown) => string,
): Record<string, unknown> {
  // A file without drives is none.
  const config: Record<string, unknown> = { drives: [] }
  for (const { path: target, body } of requests) {
    const name = target.split('/')[1]!
    if (name === 'cpu-config') config[name] = keep(body)
    else if (lists.has(name)) config[name] = [...((config[name] as unknown[] | undefined) ?? []), body]
    else config[name] = body
  }
  return config
}
