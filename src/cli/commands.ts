import { bench } from './commands/bench.ts'
import { build, check, init, run } from './commands/function.ts'
import { completion, doctor, explain } from './commands/host.ts'
import { image } from './commands/image.ts'
import { kernel } from './commands/kernel.ts'
import { runtime } from './commands/runtime.ts'
import type { CommandSpec } from './commands/spec.ts'
import { vmm } from './commands/vmm.ts'

export const commands: CommandSpec[] = [
  run,
  build,
  check,
  init,
  image,
  kernel,
  vmm,
  runtime,
  bench,
  doctor,
  explain,
  completion,
]
