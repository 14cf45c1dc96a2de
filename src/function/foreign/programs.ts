import path from 'node:path'
import { readElf } from '../../image/formats/elf/elf.ts'
import { type FileSource, reading } from '../../image/source.ts'

/** A runtime of ufr's that a program's name stands for. */
export interface NamedRuntime {
  /** As ufr.json has it. */
  runtime: string
  command: string
}

const defaultPython = 'python3.13'
/** Whichever is there that runs the classes. */
const defaultJava = 'java'

/**
 * What `/usr/bin/node`, `python3` or OSv's `/java.so` stand for: such programs need more than their own file, and ufr
 * has them complete. Undefined for all others.
 */
export function runtimeOfProgram(program: string): NamedRuntime | undefined {
  const name = path.posix.basename(program).replace(/\.so$/, '')
  if (/^(lib)?node(js)?$/.test(name)) return { runtime: 'nodejs', command: 'node' }
  const python = /^python(?:3(\.\d{1,2})?)?$/.exec(name)
  if (python)
    return { runtime: python[1] === undefined ? defaultPython : `python3${python[1]}`, command: 'python3' }
  return name === 'java' ? { runtime: defaultJava, command: 'java' } : undefined
}

/** What runs files of a kind, for advice: `ruby` for `app.rb`. */
export function interpreterFor(file: string | undefined): string | undefined {
  const endings: Record<string, string> = {
    '.rb': 'ruby',
    '.js': 'node',
    '.mjs': 'node',
    '.cjs': 'node',
    '.py': 'python3',
    '.pl': 'perl',
    '.lua': 'lua',
    '.php': 'php',
    '.jar': 'java',
    '.class': 'java',
  }
  return endings[path.posix.extname(file ?? '')]
}

/**
 * Folders of a Linux host in which an interpreter has its own modules, as Debian and others have them. Those of a
 * package that is not installed are simply not there.
 */
export function modulesOf(program: string): string[] {
  const [, name] = /^(ruby|perl|php|lua|tclsh|guile)/.exec(path.posix.basename(program)) ?? []
  const folders: Record<string, string[]> = {
    ruby: [
      '/usr/lib/ruby',
      '/usr/lib/x86_64-linux-gnu/ruby',
      '/usr/share/rubygems-integration',
      '/var/lib/gems',
    ],
    perl: ['/etc/perl', '/usr/share/perl', '/usr/share/perl5', ...['perl', 'perl5', 'perl-base'].map(native)],
    php: ['/etc/php', '/usr/lib/php', '/usr/share/php'],
    lua: ['/usr/share/lua', native('lua')],
    tclsh: ['/usr/share/tcltk', native('tcltk')],
    guile: ['/usr/share/guile', native('guile')],
  }
  return name === undefined ? [] : folders[name]!
}

function native(name: string): string {
  return `/usr/lib/x86_64-linux-gnu/${name}`
}

const maxNames = 16 << 20

/** Whether a dynamic program asks its C library for `listen`: then it is some kind of server. */
export function listens(source: FileSource): boolean {
  return reading(source, (opened) => {
    try {
      const { strings } = readElf(opened)
      if (!strings || strings.size > maxNames) return false
      return Buffer.from(opened.read(strings.offset, strings.size)).includes('\0listen\0')
    } catch {
      return false
    }
  })
}
