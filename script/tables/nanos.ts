import { commitOf, type Made, sourceFiles, treeText } from './tree.ts'

/**
 * Nanos: `register_syscall(map, NAME, HANDLER)` in src/, the handler `syscall_ignore` for what does nothing. klibs that
 * are loaded on demand (umcg, pledge, unveil) are no part of a kernel that ufr starts.
 */
export async function nanosTable(tree: string): Promise<Made> {
  const has = new Set<string>()
  const ignores = new Set<string>()
  for (const file of sourceFiles(tree, 'src', /\.c$/)) {
    if (/^src\/(?:aarch64|riscv64)\//.test(file)) continue
    const text = forX86(treeText(tree, file))
    for (const [, name = '', handler = ''] of text.matchAll(
      /\bregister_syscall\(\s*map\s*,\s*(\w+)\s*,\s*(?:\([^)]*\(\*\)\(\)\))?\s*(\w+)\s*\)/g,
    )) {
      has.add(name)
      if (handler === 'syscall_ignore') ignores.add(name)
    }
  }
  const origin = `nanovms/nanos ${await commitOf(tree)}: register_syscall in src/`
  return { has, ignores, origin }
}

/** Without the lines that are for other processors only. */
function forX86(text: string): string {
  let skipping = false
  const kept: string[] = []
  for (const line of text.split('\n')) {
    if (/^\s*#\s*if(?:def\s+|\s+defined\s*\(?\s*)__(?:aarch64|riscv)/.test(line)) skipping = true
    else if (/^\s*#\s*(?:else|elif|endif)/.test(line)) skipping = false
    else if (!skipping) kept.push(line)
  }
  return kept.join('\n')
}
