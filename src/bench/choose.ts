import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import { exampleNames, examplesFolder } from '../function/init.ts'
import type { UnikernelName, VmmName } from '../function/spec.ts'
import { unikernels } from '../unikernel/unikernels.ts'
import { vmmNames } from './vmms.ts'

/** A function that is to be measured. */
export interface FunctionChoice {
  folder: string
  /** As it was named: a path, or an example. */
  source: string
  /** Whether somebody named it: one that nobody named may be left out. */
  named: boolean
}

/** A kernel that is to be measured. */
export interface KernelChoice {
  name: UnikernelName
  /** Undefined for the default one of the store. */
  version?: string
}

/** The words of a list on the command line. @throws UfrError UFR-USAGE where one is empty or there twice. */
export function wordsOf(flag: string, list: string): string[] {
  const words = list.split(',').map((word) => word.trim())
  const twice = words.find((word, i) => words.indexOf(word) < i)
  if (words.includes('') || twice !== undefined) {
    const what = words.includes('') ? 'has an empty place' : `has ${twice} twice`
    throw new UfrError('UFR-USAGE', `${flag} ${JSON.stringify(list)} ${what}`, {
      fix: 'Give a list with commas and no spaces.',
    })
  }
  return words
}

/**
 * The functions that a list names: folders, or examples by their name or by that of their language; without a list all
 * examples that are handlers.
 * @throws UfrError UFR-USAGE for what is neither.
 */
export function chooseFunctions(list: string | undefined): FunctionChoice[] {
  const examples = exampleNames()
  if (list === undefined) {
    const handlers = examples.filter((name) => name.startsWith('hello-'))
    return handlers.map((name) => ({ ...exampleOf(name), named: false }))
  }
  return wordsOf('--functions', list).map((word) => functionOf(word))
}

function exampleOf(name: string): FunctionChoice {
  return { folder: path.join(examplesFolder(), name), source: name, named: true }
}

/** @throws UfrError UFR-USAGE for what is neither a folder nor an example. */
export function functionOf(word: string, examples = exampleNames()): FunctionChoice {
  if (fs.existsSync(word)) {
    const folder = path.resolve(word)
    return { folder, source: word, named: true }
  }
  const name = [word, `hello-${word}`].find((each) => examples.includes(each))
  if (name !== undefined) return exampleOf(name)
  const languages = examples.flatMap((each) => /^hello-(.*)/.exec(each)?.[1] ?? [])
  const like = didYouMean(word, [...languages, ...examples])
  throw new UfrError('UFR-USAGE', `there is neither a folder nor an example ${JSON.stringify(word)}${like}`, {
    fix: `Give folders of functions, or examples: ${languages.join(', ')}.`,
  })
}

/** The kernels that a list names, as NAME or NAME@VERSION; without one those of the store. @throws UfrError UFR-USAGE */
export function chooseKernels(list: string | undefined): KernelChoice[] {
  if (list === undefined) return unikernels.filter((kind) => kind.present()).map(({ name }) => ({ name }))
  return wordsOf('--unikernels', list).map((word) => kernelOf(word))
}

/** @throws UfrError UFR-USAGE for a name that no kernel has. */
export function kernelOf(word: string): KernelChoice {
  const [name = '', ...version] = word.split('@')
  const kind = unikernels.find((each) => each.name === name)
  const names = unikernels.map((each) => each.name)
  if (kind) return { name: kind.name, ...(version.length > 0 && { version: version.join('@') }) }
  throw new UfrError('UFR-USAGE', `there is no kernel ${JSON.stringify(name)}${didYouMean(name, names)}`, {
    fix: `Kernels are ${names.join(', ')}; a version of one is NAME@VERSION, as in \`ufr kernel ls\`.`,
  })
}

/** The VMMs that a list names; undefined for those that can be used. @throws UfrError UFR-USAGE */
export function chooseVmms(list: string | undefined): VmmName[] | undefined {
  if (list === undefined) return undefined
  return wordsOf('--vmms', list).map((word) => {
    const found = vmmNames.find((name) => name === word)
    if (found) return found
    throw new UfrError('UFR-USAGE', `there is no VMM ${JSON.stringify(word)}${didYouMean(word, vmmNames)}`, {
      fix: `VMMs are ${vmmNames.join(' and ')}.`,
    })
  })
}
