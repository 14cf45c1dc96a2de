import { findSwift } from '../../kernel/swift/toolchain.ts'
import { swiftError } from '../swift/errors.ts'
import { freshResult, rememberResult, sourcesDigest } from '../swift/fresh.ts'
import { lackingObject } from '../swift/lacking.ts'
import { type BuiltPackage, buildPackage } from '../swift/package.ts'
import { buildPlain, compileSwift } from '../swift/plain.ts'
import type { Build, BuildRequest } from './builder.ts'
import { textIn } from './find.ts'

/** Swift packages, and folders with Swift files. Swift's own libraries are in the program, the C library is not. */
export const buildBySwift: Build = async (request) => {
  const { folder, cache, wanted } = request
  const toolchain = findSwift(folder)
  const object = await lackingObject(toolchain, async (args, at) => {
    const result = await compileSwift(toolchain, args, at)
    if (result.status !== 0) throw swiftError(at, result)
  })
  const digest = sourcesDigest(folder, toolchain.key, object, wanted ?? '')
  const { program, resources } = freshResult<BuiltPackage>(cache, digest) ?? (await build(request))
  rememberResult(cache, digest, { program, resources })
  return { file: program, root: toolchain.root, beside: resources }

  async function build(asked: BuildRequest): Promise<BuiltPackage> {
    if (textIn(folder, 'Package.swift') !== undefined) return buildPackage(toolchain, object, asked)
    return { program: await buildPlain(toolchain, object, asked), resources: [] }
  }
}
