import type { UnikernelName } from '../../../src/function/spec.ts'
import { mkfs } from './mkfs.ts'
import { ops } from './ops.ts'
import { rofs } from './rofs.ts'
import type { ImageTool } from './tool.ts'

/** All tools of others that images are compared with. */
export const imageTools: readonly ImageTool[] = [mkfs, ops, rofs]

/** Those for a kernel that the environment names, with their files. */
export function namedTools(
  kernel: UnikernelName,
  env: NodeJS.ProcessEnv = process.env,
): { tool: ImageTool; file: string }[] {
  return imageTools.flatMap((tool) => {
    const file = env[tool.variable]
    return tool.kernel === kernel && file ? [{ tool, file }] : []
  })
}
