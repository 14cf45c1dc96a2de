import { UfrError } from '../../base/errors.ts'
import { type Content, textContent } from '../content.ts'
import { maxTargetBytes } from '../tree.ts'

/**
 * A symbolic link's target as the bytes that a format stores; `path` is the link's.
 * @throws UfrError UFR-TREE for a target that Linux could not have: empty, too long, or with a NUL.
 */
export function targetContent(target: string, path: string): Content {
  const content = textContent(target)
  const { size } = content
  if (size === 0 || size > maxTargetBytes || target.includes('\0') || !target.isWellFormed()) {
    throw new UfrError('UFR-TREE', `${path} is a link with a target that cannot be stored`)
  }
  return content
}
