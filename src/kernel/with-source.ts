import { type ByteSource, fileSource } from '../image/source.ts'

/** Opens a file for `use` and closes it afterwards. In place of `using`, which Node.js 22 cannot read. */
export function withSource<T>(file: string, use: (source: ByteSource) => T): T {
  const source = fileSource(file)
  try {
    return use(source)
  } finally {
    source[Symbol.dispose]()
  }
}
