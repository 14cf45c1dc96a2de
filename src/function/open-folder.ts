import fs from 'node:fs'
import path from 'node:path'
import { systemCode, UfrError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import { configName } from './config.ts'
import { isElfFile } from './detect.ts'

/**
 * Makes sure that a function's folder is one and can be read.
 * @returns its absolute path.
 * @throws UfrError UFR-FOLDER
 */
export function openFolder(folder: string): string {
  let stat: fs.Stats | undefined
  try {
    stat = fs.statSync(folder, { throwIfNoEntry: false })
    if (stat?.isDirectory()) fs.accessSync(folder, fs.constants.R_OK | fs.constants.X_OK)
  } catch (error) {
    const code = systemCode(error)
    const why = code === 'EACCES' ? 'permission denied' : (error as Error).message
    throw new UfrError('UFR-FOLDER', `${folder} cannot be read: ${why}`, { cause: error })
  }
  if (!stat) throw missing(folder)
  if (!stat.isDirectory()) throw notFolder(folder)
  return path.resolve(folder)
}

function missing(folder: string): UfrError {
  const parent = path.dirname(path.resolve(folder))
  let folders: string[] = []
  try {
    const entries = fs.readdirSync(parent, { withFileTypes: true })
    folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  } catch {
    return new UfrError('UFR-FOLDER', `${folder} does not exist, nor does the folder it would be in`)
  }
  return new UfrError('UFR-FOLDER', `${folder} does not exist${didYouMean(path.basename(folder), folders)}`)
}

/** Somebody gave the function's file: say what to give instead. */
function notFolder(file: string): UfrError {
  const folder = path.dirname(file)
  const name = path.basename(file)
  const message = `${file} is a file; a function is a folder`
  if (name === configName) return new UfrError('UFR-FOLDER', message, { fix: `Give its folder: ${folder}` })
  const config =
    jarOnly(name) ?? nameOnly(name) ?? (isElf(file) ? { runtime: 'native', command: name } : undefined)
  return new UfrError('UFR-FOLDER', message, {
    fix: config
      ? `Give its folder, ${folder}, with a ${configName} in it such as ${JSON.stringify(config)}.`
      : `Give the folder that has the function in it.`,
  })
}

function jarOnly(name: string): Record<string, string> | undefined {
  return name.endsWith('.jar') ? { runtime: 'java', command: name } : undefined
}

function nameOnly(name: string): Record<string, string> | undefined {
  const base = /^(.+)\.[mc]?js$/.exec(name)?.[1]
  return base === undefined ? undefined : { runtime: 'nodejs', handler: `${base}.handler` }
}

function isElf(file: string): boolean {
  try {
    return isElfFile(file)
  } catch {
    return false
  }
}
