import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import type { FunctionSpec } from '../function/spec.ts'
import { type ClosureFile, closure } from '../image/closure/closure.ts'
import { resolveFile, treeView } from '../image/closure/file-view.ts'
import { osvManifest, type ProgramKind } from '../image/explain/osv-manifest.ts'
import { type ElfFile, elfType, isX86_64, readElf } from '../image/formats/elf/elf.ts'
import { withSource } from '../image/source.ts'
import { explainFunction } from '../instance/explain-image.ts'
import { taskFolder } from '../language/program.ts'
import { type Call, printJson } from './outcome.ts'
import { printableLines } from './printable.ts'
import type { ImageManifestReport } from './schema/image.ts'

/**
 * Prints what OSv's manifest_from_host.sh would for a function's program, or for an ELF file of the host.
 * @throws UfrError UFR-PROGRAM where it is none.
 */
export async function printManifest(
  call: Call,
  given: string,
  overrides: Partial<FunctionSpec>,
): Promise<number> {
  const isFile = fs.statSync(given, { throwIfNoEntry: false })?.isFile() === true && !given.endsWith('.json')
  const manifest = isFile ? manifestOfFile(given) : await manifestOfFunction(call, given, overrides)
  if (call.json) printJson<ImageManifestReport>({ image: given, manifest })
  else process.stdout.write(`${printableLines(manifest.join('\n'))}\n`)
  return 0
}

function manifestOfFile(given: string): string[] {
  const file = fs.realpathSync.native(path.resolve(given))
  const kind = kindOf(file)
  const { files } = closure([file])
  const libraries = files.filter(({ role, realPath }) => role === 'library' && realPath !== file)
  return osvManifest({ name: path.basename(given), file, kind, libraries: libraries.map(onHost) })
}

/** As the dynamic linker of the host comes to it, where that is a path of the host. */
function onHost({ name, guestPath, hostPath, content }: ClosureFile): { name: string; file: string } {
  const file = content.file ?? hostPath ?? guestPath
  return { name, file: isSameFile(guestPath, file) ? guestPath : file }
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [one, other].map((file) => fs.statSync(file, { throwIfNoEntry: false }))
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev
}

async function manifestOfFunction(
  { progress }: Call,
  given: string,
  overrides: Partial<FunctionSpec>,
): Promise<string[]> {
  const { program, unikernel, spec } = await explainFunction(given, overrides, progress)
  const tree = unikernel.guestTree(program)
  const file = resolveFile(treeView(tree), program.executable)?.entry.content.file
  if (file === undefined) {
    throw new UfrError(
      'UFR-PROGRAM',
      `${spec.name} runs ${program.executable}, which is no file of this host`,
      {
        fix: 'Name the ELF file instead.',
      },
    )
  }
  const path_ = program.environment['LD_LIBRARY_PATH']
  const { files } = closure([program.executable], {
    over: program.base.tree(),
    mounts: [{ at: `/${taskFolder}`, tree: program.task }],
    workingDirectory: program.workingDirectory,
    ...(path_ && { libraryPath: path_.split(/[:;]/) }),
  })
  const libraries = files.filter(({ role }) => role === 'library').map(onHost)
  return osvManifest({ name: path.posix.basename(program.executable), file, kind: kindOf(file), libraries })
}

/** @throws UfrError UFR-PROGRAM for what is no ELF file to be run or loaded, UFR-ARCHITECTURE for another machine's. */
function kindOf(file: string): ProgramKind {
  let elf: ElfFile
  try {
    elf = withSource(file, readElf)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UfrError('UFR-PROGRAM', `${file} is no ELF file: ${why}`, {
      cause,
      fix: 'Name a program or a library.',
    })
  }
  if (!isX86_64(elf)) throw new UfrError('UFR-ARCHITECTURE', `${file} is not for x86-64`)
  if (elf.type === elfType.executable) return 'executable'
  return elf.pie || elf.interpreter !== undefined ? 'pie' : 'library'
}
