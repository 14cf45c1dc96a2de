import path from 'node:path'
import type { Runtime } from '../runtimes.ts'

/** A command that runs a runtime's own interpreter on the host. */
export interface HostPython {
  command: string
  args: string[]
  env: NodeJS.ProcessEnv
}

/**
 * How to run the interpreter of a guest's root on the host: by its own dynamic linker, with its own libraries and none
 * of the host's, so that what it makes is the same on every host. The user's PYTHON* variables are left out: they are
 * about another Python.
 */
export function hostPython({ root, program }: Pick<Runtime, 'root' | 'program'>): HostPython {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('PYTHON'))
  const file = path.join(root, program)
  // It is where it says that it is (sys.executable), though it could not be started by that alone.
  const args = ['--argv0', file, '--library-path', path.join(root, 'lib/x86_64-linux-gnu'), file]
  return {
    command: path.join(root, 'lib64/ld-linux-x86-64.so.2'),
    args,
    env: {
      ...Object.fromEntries(own),
      PYTHONHOME: path.join(root, 'usr'),
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONNOUSERSITE: '1',
      // The order of sets would be in compiled files, and so in the keys of runtimes.
      PYTHONHASHSEED: '0',
    },
  }
}
