import { UfrError } from '../../base/errors.ts'
import { findCommand } from '../../base/process.ts'

const packages = { unshare: 'util-linux', nsenter: 'util-linux', ip: 'iproute2', nft: 'nftables' } as const
export type Tool = keyof typeof packages

/** Where the programs are also for users who do not have them in their PATH. */
export function toolPath(): string {
  return `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`
}

export function missingTools(tools: readonly Tool[], searchPath = toolPath()): Tool[] {
  return tools.filter((tool) => findCommand(tool, searchPath) === undefined)
}

/** The Debian packages that have them. */
export function packagesOf(tools: readonly Tool[]): string[] {
  return [...new Set(tools.map((tool) => packages[tool]))]
}

/** @throws UfrError UFR-LINK-TOOL naming the packages of those that are missing. */
export function requireTools(tools: readonly Tool[], searchPath = toolPath()): void {
  const missing = missingTools(tools, searchPath)
  if (missing.length === 0) return
  throw new UfrError('UFR-LINK-TOOL', `a tap link is made with ${missing.join(' and ')}: not installed`, {
    fix: `Install it: sudo apt-get install ${packagesOf(missing).join(' ')}`,
  })
}
