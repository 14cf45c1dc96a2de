import type { UnikernelName, VmmName } from '../../../src/function/spec.ts'

/** The languages that have examples, as `examples/hello-LANG` and `examples/web-LANG`, with what people call them. */
export const languages = {
  node: 'Node.js',
  java: 'Java',
  kotlin: 'Kotlin',
  python: 'Python',
  c: 'C',
  rust: 'Rust',
  go: 'Go',
  swift: 'Swift',
} as const

export type LanguageName = keyof typeof languages
export type ExampleShape = 'hello' | 'web'

/** What a kernel is known not to do for a language. */
export interface LanguageLimit {
  language: LanguageName
  kernel: UnikernelName
  /** All VMMs, where none is named. */
  vmm?: VmmName
  /** Both examples, where none is named. */
  shape?: ExampleShape
  /** Why, in words that can follow a colon. */
  reason: string
  /** Where upstream talks or says something about it. */
  thread?: string
  /** It is run all the same and has to fail; not so where that would take long, or proves nothing. */
  skip?: true
}

export const languageLimits: readonly LanguageLimit[] = []

/** What stands in the way of an example; undefined where it has to work. */
export function languageLimit(
  language: LanguageName,
  shape: ExampleShape,
  { kernel, vmm }: { kernel: UnikernelName; vmm: VmmName },
): LanguageLimit | undefined {
  return languageLimits.find(
    (limit) =>
      limit.language === language &&
      limit.kernel === kernel &&
      (limit.vmm ?? vmm) === vmm &&
      (limit.shape ?? shape) === shape,
  )
}
