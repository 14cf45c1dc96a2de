import path from 'node:path'
import type { Build } from './builder.ts'
import { compile, type Toolchain } from './compile.ts'
import { cEndings, filesWith } from './find.ts'

function toolchain(command: string): Toolchain {
  return { command, install: 'Install a C compiler: sudo apt-get install gcc libc6-dev.' }
}

/** Words of a variable, as make and shells take them. */
function words(name: string): string[] {
  return (process.env[name] ?? '').split(/\s+/).filter(Boolean)
}

/** C and C++ sources at the top of a folder: all of them are one program. CC, CXX, CFLAGS, CXXFLAGS, LDFLAGS, LDLIBS count. */
export const buildByCc: Build = async ({ folder, cache }) => {
  const sources = filesWith(folder, cEndings)
  const isC = sources.every((name) => name.endsWith('.c'))
  const [compiler, flags] = isC ? ['CC', 'CFLAGS'] : ['CXX', 'CXXFLAGS']
  const [command = isC ? 'cc' : 'c++', ...more] = words(compiler)
  const program = path.join(cache, 'program')
  const args = [...more, '-O2', '-pthread', ...words(flags), '-o', program]
  const files = sources.map((name) => `./${name}`)
  await compile(toolchain(command), [...args, ...files, ...words('LDFLAGS'), ...words('LDLIBS')], { folder })
  return program
}
