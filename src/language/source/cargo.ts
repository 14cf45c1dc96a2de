import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Build } from './builder.ts'
import { compile, type Toolchain } from './compile.ts'

const toolchain: Toolchain = {
  command: 'cargo',
  folders: ['.cargo/bin'],
  install: 'Install Rust: rustup, or sudo apt-get install cargo.',
}

/** Rust packages. The linker's usual program, against glibc and for any address, runs on every kernel. */
export const buildByCargo: Build = async ({ folder, cache, wanted }) => {
  const args = ['build', '--release', '--message-format=json-render-diagnostics']
  args.push('--target-dir', path.join(cache, 'target'))
  const env = { CARGO_TERM_COLOR: 'never', CARGO_TERM_PROGRESS_WHEN: 'never' }
  const { stdout } = await compile(toolchain, args, { folder, env })
  const programs = executables(stdout)
  const [only] = programs.values()
  const program = programs.size === 1 ? only : wanted === undefined ? undefined : programs.get(wanted)
  if (program !== undefined) return program
  const names = [...programs.keys()].sort()
  if (names.length === 0) {
    throw new UfrError('UFR-BUILD', `${folder} has no program: cargo makes only a library of it`, {
      fix: 'Add a src/main.rs, or a [[bin]] to Cargo.toml.',
    })
  }
  throw new UfrError('UFR-BUILD', `${folder} has several programs: ${names.join(', ')}`, {
    fix: `Name one of them in ufr.json: "command": ${JSON.stringify(names[0])}.`,
  })
}

/** Programs by name, of what cargo says that it has made: a JSON document a line (cargo: External tools). */
export function executables(messages: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of messages.split('\n')) {
    if (!line.startsWith('{')) continue
    const { reason, executable, target } = JSON.parse(line) as {
      reason?: string
      executable?: string | null
      target?: { name: string; kind: string[] }
    }
    if (reason === 'compiler-artifact' && executable && target?.kind.includes('bin'))
      found.set(target.name, executable)
  }
  return found
}
