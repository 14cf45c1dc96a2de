import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { writeFiles } from '../unikernel/nanos-folders.ts'

/** A git that has neither the user's settings nor a repository that a hook of git may have named. */
export function gitEnvironment(): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'))
  return { ...Object.fromEntries(clean), GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
}

/** Runs git in a folder. @returns what it prints. */
export function git(folder: string, ...args: string[]): string {
  const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost', '-c', 'protocol.file.allow=always']
  const options = { cwd: folder, env: gitEnvironment(), encoding: 'utf8', stdio: 'pipe' } as const
  return execFileSync('git', [...who, ...args], options).trim()
}

/** A repository with these files in one commit on the branch main. @returns the commit. */
export function makeRepository(folder: string, files: Record<string, string | Uint8Array>): string {
  fs.mkdirSync(folder, { recursive: true })
  git(folder, 'init', '--quiet', '--initial-branch=main')
  return commitFiles(folder, files)
}

/** Adds files, or changes them, in a further commit. @returns it. */
export function commitFiles(folder: string, files: Record<string, string | Uint8Array>): string {
  writeFiles(folder, files)
  git(folder, 'add', '--all')
  git(folder, 'commit', '--quiet', '--allow-empty', '-m', 'change')
  return git(folder, 'rev-parse', 'HEAD')
}
