import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { findCommand } from '../../../src/base/process.ts'
import { hostJdks } from '../../../src/kernel/java/jdk.ts'
import { oldestJava } from '../../../src/kernel/java/version.ts'
import { listRuntimes } from '../../../src/kernel/runtimes.ts'
import { buildsOf } from '../../../src/language/source/builder.ts'
import { root } from '../ufr.ts'
import type { ExampleShape, LanguageName } from './table.ts'

/**
 * Why an example is not built here, or false: what it is built with would have to be fetched first, hundreds of
 * megabytes of it or minutes of work. UFR_LANGUAGE with its name, or `script/test --full`, has it fetched all the same.
 */
export function toolsLack(language: LanguageName, shape: ExampleShape): string | false {
  if (isNamed(language) || (process.env['UFR_FULL'] === '1' && !process.env['UFR_IN_LAB'])) return false
  if (language === 'java' || language === 'kotlin') return noJdk()
  if (shape === 'web') return false
  if (language === 'rust') return uncompiled()
  return language === 'go' && unfetched()
}

/** Whether UFR_LANGUAGE, names with commas between them, has this one. */
export function isNamed(language: LanguageName): boolean {
  return (process.env['UFR_LANGUAGE'] ?? '').split(',').includes(language)
}

function noJdk(): string | false {
  const isThere =
    hostJdks().some(({ major }) => major >= oldestJava) ||
    listRuntimes().runtimes.some((runtime) => runtime.language === 'java')
  return isThere ? false : 'no JDK on this host or in the store'
}

/** AWS's client for Rust and what it needs are 100 packages: compiled for the first time, they take minutes. */
function uncompiled(): string | false {
  const made = path.join(
    buildsOf(fs.realpathSync(path.join(root, 'examples/hello-rust'))),
    'target/release/hello-rust',
  )
  return fs.existsSync(made) ? false : 'it has not been compiled here yet: UFR_LANGUAGE=rust does'
}

/** Whether AWS's client for Go is on this host, by what `go` says when it may not fetch anything. */
function unfetched(): string | false {
  const go = findCommand('go', `${process.env['PATH']}:/usr/local/go/bin`)
  // Without it the command itself says so.
  if (go === undefined) return false
  const cwd = path.join(root, 'examples/hello-go')
  const env = { ...process.env, GOPROXY: 'off', GOFLAGS: '-mod=mod' }
  const { status } = spawnSync(go, ['list', '-deps', '.'], { cwd, env, stdio: 'ignore' })
  return status === 0 ? false : "AWS's client for Go is not on this host: UFR_LANGUAGE=go fetches it"
}
