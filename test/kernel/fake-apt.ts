import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../src/base/errors.ts'
import type { CommandResult, Runner } from '../../src/base/process.ts'

export interface FakePackage {
  version: string
  depends?: string
  /** Files by path; content that begins with `->` makes a symbolic link. */
  files?: Record<string, string | Uint8Array>
}

export interface FakeApt {
  run: Runner
  /** All commands so far, without folders that differ from run to run. */
  calls: string[]
  /** What the mirror has; lists know of it after an update. */
  mirror: Record<string, FakePackage>
  /** What our lists know. */
  lists: Record<string, FakePackage>
  /** Makes updates fail, as without a network. */
  offline: boolean
}

export function result(stdout: string | Uint8Array = '', stderr = ''): CommandResult {
  const output = Buffer.from(stdout)
  return { status: 0, output, stdout: output.toString(), stderr }
}

export function failed(command: string, status: number, ...detail: string[]): UfrError {
  return new UfrError('UFR-COMMAND', `${command} failed with status ${status}: ${command}`, { detail })
}

function debText(name: string, item: FakePackage): string {
  const files = Object.entries(item.files ?? {}).map(([file, text]) => [
    file,
    Buffer.from(text).toString('base64'),
  ])
  return JSON.stringify({ name, version: item.version, files })
}

function sumOf(name: string, item: FakePackage): string {
  return createHash('sha256').update(debText(name, item)).digest('hex')
}

function show(lists: Record<string, FakePackage>, names: readonly string[]): CommandResult {
  const stanzas = names.flatMap((name) => {
    const item = lists[name]
    if (!item) return []
    const depends = item.depends === undefined ? '' : `Depends: ${item.depends}\n`
    return [
      `Package: ${name}\nVersion: ${item.version}\n${depends}SHA256: ${sumOf(name, item)}\nDescription: x\n y\n`,
    ]
  })
  if (stanzas.length === 0) throw failed('apt-cache', 100, 'E: No packages found')
  return result(stanzas.join('\n'))
}

function unpack(deb: string, target: string): void {
  const { files } = JSON.parse(fs.readFileSync(deb, 'utf8')) as { files: [string, string][] }
  for (const [name, base64] of files) {
    const file = path.join(target, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    const text = Buffer.from(base64, 'base64')
    if (text.toString().startsWith('->')) fs.symlinkSync(text.toString().slice(2), file)
    else fs.writeFileSync(file, text)
  }
}

/** An apt that knows of a few packages and has no network; `.deb` files are JSON. */
export function fakeApt(mirror: Record<string, FakePackage>): FakeApt {
  const apt: FakeApt = { calls: [], mirror, lists: {}, offline: false, run }
  async function run(command: string, args: readonly string[], options = {}): Promise<CommandResult> {
    const { cwd = '' } = options as { cwd?: string }
    apt.calls.push([command, ...args.filter((arg) => !arg.startsWith('/'))].join(' '))
    if (command === 'apt-config')
      return result('Acquire::http::Proxy "http://proxy:1";\nAPT::Update::Post-Invoke:: "evil";\n')
    if (command === 'dpkg-deb') {
      unpack(args[1] ?? '', args[2] ?? '')
      return result()
    }
    if (command === 'apt-cache') return show(apt.lists, args.slice(2))
    if (args.includes('update')) {
      if (apt.offline) return result('', 'W: Failed to fetch http://mirror.example/')
      apt.lists = { ...apt.mirror }
      return result()
    }
    for (const wanted of args.slice(2)) {
      const [name = '', version = ''] = wanted.split('=')
      const item = apt.mirror[name]
      if (apt.offline || item?.version !== version)
        throw failed('apt-get', 100, `E: Failed to fetch ${wanted}`)
      fs.writeFileSync(path.join(cwd, `${name}_${version}.deb`), debText(name, item))
    }
    return result()
  }
  return apt
}

/** An apt configuration as a machine has it, with one Debian mirror. */
export function fakeMachine(folder: string): string {
  fs.mkdirSync(path.join(folder, 'sources.list.d'), { recursive: true })
  fs.writeFileSync(path.join(folder, 'sources.list'), 'deb http://mirror.example/debian trixie main\n')
  return folder
}
