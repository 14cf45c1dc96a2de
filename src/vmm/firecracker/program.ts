import { UfrError } from '../../base/errors.ts'
import { runCommand } from '../../base/process.ts'
import { readElf } from '../../image/formats/elf/elf.ts'
import { checkWholeElf } from '../../image/formats/elf/elf-sections.ts'
import { withSource } from '../../image/source.ts'

const askMs = 10_000
const versionPattern = /^(Firecracker|Jailer) v(\d+\.\d+\.\d+[0-9A-Za-z.+-]*)\s*$/m

/** What a program says of itself. */
export interface ProgramFacts {
  name: 'firecracker' | 'jailer'
  /** Without the v before it. */
  version: string
  linking: 'static' | 'dynamic'
}

/**
 * Looks at a program file and asks it for its version.
 * @param file runnable; a copy of `shown`, which messages name.
 * @throws UfrError UFR-VMM-FILE where it is no whole program for x86-64, or does not say that it is a Firecracker or a
 * jailer.
 */
export async function programFacts(file: string, shown: string): Promise<ProgramFacts> {
  const linking = withSource(file, (source) => {
    checkWholeElf(source, shown, { code: 'UFR-VMM-FILE', what: 'Firecracker' })
    return readElf(source).static ? ('static' as const) : ('dynamic' as const)
  })
  let text: string
  try {
    text = (await runCommand(file, ['--version'], { timeout: askMs, maxOutput: 1 << 16, env: {} })).stdout
  } catch (cause) {
    if (!(cause instanceof UfrError)) throw cause
    const detail = cause.detail
    throw new UfrError('UFR-VMM-FILE', `${shown} does not run: ${cause.message.replaceAll(file, shown)}`, {
      cause,
      detail,
    })
  }
  const [, word, version] = versionPattern.exec(text) ?? []
  if (!word || !version) throw notOne(shown, 'it does not say so when it is asked with --version')
  return { name: word === 'Jailer' ? 'jailer' : 'firecracker', version, linking }
}

function notOne(shown: string, why: string): UfrError {
  return new UfrError('UFR-VMM-FILE', `${shown} is no Firecracker: ${why}`)
}
