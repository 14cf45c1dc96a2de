import fs from 'node:fs'
import path from 'node:path'
import { readText } from '../../base/text.ts'

const maxScripts = 1000

/**
 * Writes the programs that packages name in their entry points (`uvicorn = uvicorn.main:main`), for the guest's
 * interpreter. pip's own would name the interpreter on the host.
 * @param program the interpreter, relative to the guest's root.
 */
export function writeScripts(packages: string, bin: string, program: string): void {
  fs.rmSync(path.join(packages, 'bin'), { recursive: true, force: true })
  let count = 0
  for (const entry of fs.readdirSync(packages).sort()) {
    if (!entry.endsWith('.dist-info')) continue
    const text = readText(path.join(packages, entry, 'entry_points.txt'), 'UFR-REQUIREMENTS') ?? ''
    for (const [name, module, attribute] of consoleScripts(text)) {
      if (++count > maxScripts) return
      fs.mkdirSync(bin, { recursive: true })
      const file = path.join(bin, name)
      fs.writeFileSync(file, scriptText(program, module, attribute))
      fs.chmodSync(file, 0o755)
    }
  }
}

/** The lines of `[console_scripts]`: name, module, and what of it is called. Others than plain names are left out. */
export function consoleScripts(text: string): [name: string, module: string, attribute: string][] {
  const found: [string, string, string][] = []
  let section = ''
  for (const line of text.split(/\r?\n/)) {
    section = /^\s*\[([^\]]*)\]/.exec(line)?.[1]?.trim() ?? section
    if (section !== 'console_scripts') continue
    const match = /^\s*([\w][\w.+-]*)\s*=\s*([\w.]+)\s*:\s*([\w.]+)\s*(\[.*\])?\s*$/.exec(line)
    if (match) found.push([match[1]!, match[2]!, match[3]!])
  }
  return found
}

function scriptText(program: string, module: string, attribute: string): string {
  const [first = attribute] = attribute.split('.')
  return `#!/${program}\nimport sys\nfrom ${module} import ${first}\nsys.exit(${attribute}())\n`
}
