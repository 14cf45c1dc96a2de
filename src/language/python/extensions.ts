import { UfrError } from '../../base/errors.ts'
import { resolveFile, treeView, type ViewFile } from '../../image/closure/file-view.ts'
import { architectureOf, isElf, isX86_64, readElf } from '../../image/formats/elf/elf.ts'
import { reading } from '../../image/source.ts'
import type { Tree } from '../../image/tree.ts'

/** A module in machine code, by its file's name (PEP 3149): `_x.cpython-313-x86_64-linux-gnu.so`, `_x.abi3.so`. */
const extension = /^(?<stem>[^.]+)(?:\.(?<tag>(?:cpython-\w+|abi3|pypy\w*|cp\w+)[\w-]*))?\.(?<ending>so|pyd)$/

interface Extension {
  path: string
  file: ViewFile
  tag: string
  ending: string
}

/**
 * Checks the modules in machine code among a function's files: an interpreter passes over those that are for another
 * version or platform, and then says that there is no such module. Where a package brings the same module for several,
 * one that fits is enough.
 * @param version of Python: `3.13`.
 * @throws UfrError UFR-WHEEL naming the file and what it is for.
 */
export function checkExtensions(task: Tree, version: string): void {
  const modules = new Map<string, Extension[]>()
  const view = treeView(task)
  for (const [path, entry] of task.sorted()) {
    const file = entry.kind === 'file' && /\.(so|pyd)$/.test(path) && resolveFile(view, `/${path}`)?.entry
    if (!file) continue
    const slash = path.lastIndexOf('/') + 1
    const { stem, tag = '', ending = '' } = extension.exec(path.slice(slash))?.groups ?? {}
    if (stem === undefined) continue
    const key = path.slice(0, slash) + stem
    modules.set(key, [...(modules.get(key) ?? []), { path, file, tag, ending }])
  }
  for (const variants of modules.values()) {
    const problems = variants.map((each) => problemOf(each, version))
    const problem = problems[0]
    if (problem === undefined || problems.includes(undefined)) continue
    throw wrongWheel(variants[0]!.path, problem, version)
  }
}

/** What a module is for instead of the guest; undefined where it fits. */
function problemOf({ file, tag, ending }: Extension, version: string): string | undefined {
  const wanted = version.replace('.', '')
  const [, python] = /^(?:cpython-|cp)(\d+)/.exec(tag) ?? []
  if (ending === 'pyd') return 'Windows'
  if (/darwin/.test(tag)) return 'macOS'
  if (tag.startsWith('pypy')) return 'PyPy'
  if (/^cpython-\d+[a-z]*t\b|^cpython-\d+d/.test(tag))
    return 'another build of Python (free-threaded or debug)'
  if (python !== undefined && python !== wanted) return `Python ${python[0]}.${python.slice(1)}`
  if (/musl/.test(tag)) return 'musl, another C library than the guest has (such as Alpine Linux has it)'
  const machine = /(aarch64|i386|i686|arm\w*|ppc64le|s390x|riscv64|loongarch64)-linux/.exec(tag)?.[1]
  return machine ?? contentProblem(file)
}

function contentProblem(file: ViewFile): string | undefined {
  try {
    return reading(file.open(), (source) => {
      const start = source.read(0, Math.min(source.size, 4))
      const magic = Buffer.from(start).toString('hex')
      if (/^(cffaedfe|cefaedfe|cafebabe)$/.test(magic)) return 'macOS'
      if (magic.startsWith('4d5a')) return 'Windows'
      // A text for the linker goes by this ending, too.
      if (!isElf(start)) return undefined
      const elf = readElf(source)
      if (!isX86_64(elf)) return architectureOf(elf)
      const musl = elf.needed.some((name) => /^(libc\.musl-|ld-musl-)/.test(name))
      return musl ? 'musl, another C library than the guest has (such as Alpine Linux has it)' : undefined
    })
  } catch (error) {
    if (error instanceof UfrError) return 'nothing that can be loaded: its file is damaged'
    throw error
  }
}

function wrongWheel(file: string, problem: string, version: string): UfrError {
  const name = file.includes('/') ? file.slice(0, file.indexOf('/')) : file.replace(/\..*/, '')
  const options = `--only-binary=:all: --python-version ${version} --platform manylinux2014_x86_64`
  return new UfrError(
    'UFR-WHEEL',
    `${file} is for ${problem}; the function runs on Python ${version} on x86-64 Linux with glibc`,
    {
      fix: `Put the package into requirements.txt, and remove it here; or install it for the guest: \`pip install --target . --upgrade ${options} ${name}\`.`,
    },
  )
}
