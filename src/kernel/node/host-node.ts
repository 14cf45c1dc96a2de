import path from 'node:path'
import type { Runtime } from '../runtimes.ts'

/** A command that runs a runtime's own Node.js on the host. */
export interface HostNode {
  command: string
  args: string[]
  env: NodeJS.ProcessEnv
}

/**
 * How to run the Node.js of a guest's root on the host: by its own dynamic linker, with its own libraries and none of
 * the host's. The user's NODE* variables are left out: they are about another Node.js.
 */
export function hostNode({ root }: Pick<Runtime, 'root'>): HostNode {
  const file = path.join(root, 'usr/bin/node')
  const args = ['--argv0', file, '--library-path', path.join(root, 'lib/x86_64-linux-gnu'), file]
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('NODE'))
  return { command: path.join(root, 'lib64/ld-linux-x86-64.so.2'), args, env: Object.fromEntries(own) }
}
