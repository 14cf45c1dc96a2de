import type { UnikernelName } from '../../../src/function/spec.ts'
import type { Program } from '../../../src/language/program.ts'
import type { TimedCommand } from '../timed.ts'

/** What is to be in an image: a whole function with its runtime. */
export interface Content {
  /** A folder of the host that holds what is to be the guest's root. */
  folder: string
  /** What is to run. */
  program: Pick<Program, 'executable' | 'argv'>
}

/** A kernel's own way of writing an image, to compare with. It is somebody else's, so never fetched or built here. */
export interface ImageTool {
  /** For the report. */
  name: string
  kernel: UnikernelName
  /** The variable of the environment that says where it is; without it there is no comparison. */
  variable: string
  /**
   * Makes all ready for an image of the content but the image itself.
   * @param file what the variable says.
   * @param folder an empty folder for what the tool needs.
   */
  prepare(file: string, content: Content, folder: string): ImageCommand
}

/** A command that writes an image, always all of it. */
export interface ImageCommand {
  command: TimedCommand
  image: string
}
