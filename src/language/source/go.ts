import fs from 'node:fs'
import path from 'node:path'
import { writeFileAtomic } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { findCommand } from '../../base/process.ts'
import type { Build } from './builder.ts'
import { compile, type Toolchain } from './compile.ts'
import { filesWith, textIn } from './find.ts'

const toolchain: Toolchain = {
  command: 'go',
  folders: ['/usr/local/go/bin'],
  install: 'Install Go, version 1.24 or later.',
}

/**
 * Go modules. Programs of Go without C make threads by themselves, for which OSv is not made; so where the host has a C
 * compiler the program starts them by the C library, as any that uses C would, whatever it is made of otherwise.
 */
export const buildByGo: Build = async ({ folder, cache, wanted }) => {
  const main = mainPackage(folder, wanted)
  const program = path.join(cache, 'program')
  const args = ['build', '-trimpath', '-buildmode=pie', '-ldflags=-s -w', '-o', program]
  const hasC = process.env['CGO_ENABLED'] !== '0' && findCommand(process.env['CC'] || 'gcc') !== undefined
  if (hasC) args.push('-overlay', overlay(cache, path.join(folder, main)))
  const env = { GOOS: 'linux', GOARCH: 'amd64', CGO_ENABLED: hasC ? '1' : '0' }
  await compile(toolchain, [...args, `./${main}`], { folder, env })
  return program
}

/** The folder of the package to build: what is wanted below `cmd`, the top, or the only one below `cmd`. */
function mainPackage(folder: string, wanted: string | undefined): string {
  const commands = path.join(folder, 'cmd')
  const below = fs.statSync(commands, { throwIfNoEntry: false })?.isDirectory()
    ? fs.readdirSync(commands).filter((name) => isMain(path.join(commands, name)))
    : []
  if (wanted !== undefined && below.includes(wanted)) return `cmd/${wanted}`
  if (isMain(folder)) return '.'
  if (below.length === 1) return `cmd/${below[0]}`
  const what = below.length === 0 ? 'no program' : `several programs: ${below.sort().join(', ')}`
  throw new UfrError('UFR-BUILD', `${folder} has ${what}`, {
    fix:
      below.length === 0
        ? 'Put a package main at its top, or below cmd/.'
        : `Name one of them in ufr.json: "command": ${JSON.stringify(below[0])}.`,
  })
}

function isMain(folder: string): boolean {
  if (!fs.statSync(folder).isDirectory()) return false
  const sources = filesWith(folder, ['.go']).filter((name) => !name.endsWith('_test.go'))
  return sources.some((name) => /^package\s+main\b/m.test(textIn(folder, name) ?? ''))
}

/** Adds a file to the package without writing it there (go help build, -overlay). */
function overlay(cache: string, folder: string): string {
  const source = path.join(cache, 'c-library.go')
  writeFileAtomic(source, 'package main\n\nimport _ "runtime/cgo"\n')
  const file = path.join(cache, 'overlay.json')
  writeFileAtomic(file, JSON.stringify({ Replace: { [path.join(folder, 'ufr_c_library.go')]: source } }))
  return file
}
