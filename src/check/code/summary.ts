import { type ElfFile, isX86_64 } from '../../image/formats/elf/elf.ts'
import { functionStarts, isCode } from './functions.ts'
import { type Linking, offsetOf, readLinking } from './linking.ts'
import { type CodeEvents, entryRegister, type Registers, scanCode, type Value } from './scan.ts'
import { type Draft, type Edge, goOwn, goWrapper, type NumberPlace, resolveWrappers } from './wrappers.ts'

/** A function of a file: what it does itself, and what it leads to. */
export interface FunctionFacts {
  /** Its name, where the file tells. */
  name?: string
  /** Numbers of its system calls. */
  calls: number[]
  /** Functions of the same file that it calls or takes the address of, by their index. */
  to: number[]
  /** Functions of other files, by their index in `imports`. */
  imports: number[]
  /** Its system calls whose number could not be found out. */
  unresolved: number
}

/** What the code of an ELF file does, as far as it can be seen without running it. Plain data: it is kept in a file. */
export interface CodeSummary {
  /** Why nothing is known of the code; then everything else is empty. */
  opaque?: string
  soname?: string
  needed: string[]
  /** Names of functions that it has from other files. */
  imports: string[]
  /** Index of the function, by the name that other files know it by. */
  exports: Record<string, number>
  functions: FunctionFacts[]
  /** Functions that run when the file is loaded or started. */
  initial: number[]
  /** Functions that data points to: whoever has the data may call them. */
  pointed: number[]
  needsVersions: Record<string, string[]>
  definesVersions: string[]
  /** Symbols that some other file must have. */
  wanted: string[]
  /** Data that it has for other files, by name. */
  data: string[]
  /** Whether all of them are looked for when it is loaded, not when they are first used. */
  bindsNow: boolean
  /** Whose compiler made it, for languages whose runtimes do without some calls. */
  madeBy?: 'go' | 'rust' | 'swift'
}

const maxCodeBytes = 96 << 20
const noCode = { imports: [], exports: {}, functions: [], initial: [], pointed: [] }

/** @throws UfrError UFR-FORMAT for what is no ELF file, truncated or corrupt. */
export function summarize(bytes: Uint8Array): CodeSummary {
  const linking = readLinking(bytes)
  const known = {
    ...(linking.elf.soname !== undefined && { soname: linking.elf.soname }),
    needed: linking.elf.needed,
    needsVersions: Object.fromEntries(linking.needsVersions),
    definesVersions: linking.definesVersions,
    ...symbolNames(linking),
    bindsNow: linking.bindsNow,
  }
  const opaque = opacity(linking)
  if (opaque !== undefined) return { opaque, ...known, ...noCode }
  return { ...known, ...new Summary(linking).facts() }
}

function opacity({ elf, segments }: { elf: ElfFile; segments: Linking['segments'] }): string | undefined {
  if (!isX86_64(elf)) return 'it is for another processor'
  const code = segments.reduce((sum, { executable, size }) => sum + (executable ? size : 0), 0)
  return code > maxCodeBytes ? `it has ${code >> 20} MiB of code` : undefined
}

/** Weak symbols may be missing; the first symbol of a table has no name. */
function symbolNames({ dynamic }: Linking): { wanted: string[]; data: string[] } {
  const wanted = new Set<string>()
  const data = new Set<string>()
  for (const { name, defined, weak, isFunction } of dynamic) {
    if (name === '') continue
    if (defined && !isFunction) data.add(name)
    else if (!defined && !weak) wanted.add(name)
  }
  return { wanted: [...wanted], data: [...data] }
}

/** Sorts what a scan finds into functions. Addresses become indexes once all functions are known. */
class Summary {
  readonly #linking: Linking
  #starts: number[]
  readonly #names: Map<number, string>
  readonly #go: boolean
  readonly #syscalls: { at: number; number: Value }[] = []
  readonly #edges: { at: number; target: number; registers: Registers }[] = []
  readonly #addresses: { at: number; target: number }[] = []
  readonly #slots: { at: number; name: string; registers: Registers | undefined }[] = []

  constructor(linking: Linking) {
    this.#linking = linking
    const { starts, names, go } = functionStarts(linking)
    this.#starts = starts
    this.#names = names
    this.#go = go
    this.#scan()
  }

  #scan(): void {
    const { segments, bytes, imports, pointers } = this.#linking
    const called = new Set<number>()
    const events: CodeEvents = {
      syscall: (at, number) => this.#syscalls.push({ at, number }),
      call: (at, target, registers, isCall) => {
        if (!isCall && this.#isNear(at, target)) return
        if (isCall) called.add(target)
        this.#edges.push({ at, target, registers })
      },
      slot: (at, slot, registers) => {
        const name = imports.get(slot)
        const own = pointers.get(slot)
        if (own !== undefined) this.#edges.push({ at, target: own, registers })
        else if (name !== undefined) this.#slots.push({ at, name, registers })
      },
      address: (at, target, fromSlot) => {
        if (!fromSlot) {
          this.#addresses.push({ at, target })
          return
        }
        const own = pointers.get(target)
        const name = imports.get(target)
        if (own !== undefined) this.#addresses.push({ at, target: own })
        else if (name !== undefined) this.#slots.push({ at, name, registers: undefined })
      },
    }
    for (const { executable, address, offset, size } of segments) {
      if (!executable) continue
      scanCode({ address, bytes: bytes.subarray(offset, offset + size) }, this.#starts, events)
    }
    // What is called is a function, in files that say little about themselves.
    const known = new Set(this.#starts)
    for (const target of called) if (!known.has(target) && isCode(segments, target)) known.add(target)
    this.#starts = [...known].sort((a, b) => a - b)
  }

  /** Whether a jump stays in its function, by the functions known before. */
  #isNear(at: number, target: number): boolean {
    return indexOf(this.#starts, at) === indexOf(this.#starts, target)
  }

  facts(): Omit<
    CodeSummary,
    'needed' | 'needsVersions' | 'definesVersions' | 'wanted' | 'data' | 'bindsNow'
  > {
    const starts = this.#starts
    const isStart = new Set(starts)
    const functions = starts.map((start): Draft => {
      const name = this.#names.get(start)
      return { ...(name && { name }), calls: new Set(), to: new Set(), imports: new Set(), unresolved: 0 }
    })
    const imports = new Map<string, number>()
    const importOf = (name: string) => {
      const index = imports.get(name) ?? imports.size
      imports.set(name, index)
      return index
    }
    const wrappers = new Map<number, NumberPlace>()
    if (this.#go)
      for (const [index, { name }] of functions.entries())
        if (goWrapper.test(name ?? '')) wrappers.set(index, 0)
    for (const { at, number } of this.#syscalls) {
      const index = indexOf(starts, at)
      const own = functions[index]
      if (!own) continue
      const register = entryRegister(number)
      if (number >= 0) own.calls.add(number)
      else if (register === 0 || register === 7) wrappers.set(index, register)
      else {
        own.unresolved++
        if (!wrappers.has(index)) wrappers.set(index, 'stack')
      }
    }
    const stubs = new Map<number, string | undefined>()
    const edges: Edge[] = []
    for (const { at, target, registers } of this.#edges) {
      const from = indexOf(starts, at)
      const own = functions[from]
      if (!own) continue
      const imported = this.#stub(stubs, target)
      if (imported !== undefined) {
        own.imports.add(importOf(imported))
        this.#generic(own, imported, registers)
        continue
      }
      const to = indexOf(starts, target)
      if (to < 0 || to === from) continue
      own.to.add(to)
      edges.push({ from, to, registers })
    }
    for (const { at, name, registers } of this.#slots) {
      const own = functions[indexOf(starts, at)]
      if (!own) continue
      own.imports.add(importOf(name))
      if (registers) this.#generic(own, name, registers)
    }
    for (const { at, target } of this.#addresses) {
      const own = functions[indexOf(starts, at)]
      if (own && isStart.has(target)) own.to.add(indexOf(starts, target))
    }
    resolveWrappers(functions, wrappers, edges)
    // What Go's own functions pass on, their callers have told.
    if (this.#go) for (const own of functions) if (goOwn.test(own.name ?? '')) own.unresolved = 0
    return {
      imports: [...imports.keys()],
      exports: this.#exports(starts),
      functions: functions.map(({ name, calls, to, imports: used, unresolved }) => ({
        ...(name !== undefined && { name }),
        ...{ calls: [...calls], to: [...to], imports: [...used], unresolved },
      })),
      initial: this.#indexes(starts, [...this.#linking.initial, Number(this.#linking.elf.entry)]),
      pointed: this.#indexes(starts, this.#pointed(isStart)),
      ...this.#maker(),
    }
  }

  /** Rust writes the place of its own sources into nearly every program, for the words of a panic. */
  #maker(): Pick<CodeSummary, 'madeBy'> {
    const { buffer, byteOffset, byteLength } = this.#linking.bytes
    if (this.#go) return { madeBy: 'go' }
    const file = Buffer.from(buffer, byteOffset, byteLength)
    // The name of a section that every module of Swift has, which stripping leaves.
    if (file.includes('\0swift5_typeref\0')) return { madeBy: 'swift' }
    return file.includes('/rustc/') ? { madeBy: 'rust' } : {}
  }

  /** C's `syscall(number, …)`. */
  #generic(own: Draft, name: string, { rdi }: Registers): void {
    if (name !== 'syscall') return
    if (rdi >= 0) own.calls.add(rdi)
    else own.unresolved++
  }

  /** The import that a stub of the procedure linkage table leads to: `jmp *slot(%rip)`, perhaps behind `endbr64`. */
  #stub(known: Map<number, string | undefined>, target: number): string | undefined {
    if (known.has(target)) return known.get(target)
    const { bytes, segments, imports, pointers } = this.#linking
    let at = offsetOf(segments, target)
    let name: string | undefined
    if (at >= 0 && at + 16 <= bytes.length) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const start = at
      if (view.getUint32(at) === 0xf30f1efa) at += 4
      if (bytes[at] === 0xf2) at++
      if (bytes[at] === 0xff && bytes[at + 1] === 0x25) {
        const slot = target + (at - start) + 6 + view.getInt32(at + 2, true)
        if (!pointers.has(slot)) name = imports.get(slot)
      }
    }
    known.set(target, name)
    return name
  }

  #exports(starts: number[]): Record<string, number> {
    const found = new Map<string, number>()
    const older = new Map<string, number>()
    for (const { name, address, defined, isFunction, hidden } of this.#linking.dynamic) {
      if (!defined || !isFunction || name === '') continue
      const index = indexOf(starts, address)
      if (index >= 0) (hidden ? older : found).set(name, index)
    }
    return Object.fromEntries([...older, ...found])
  }

  /** Functions that words of data point to. Programs that are linked to an address have no relocations that say which. */
  #pointed(isStart: ReadonlySet<number>): number[] {
    const { pointers, segments, bytes, elf } = this.#linking
    const found = new Set<number>()
    for (const target of pointers.values()) if (isStart.has(target)) found.add(target)
    if (elf.type !== 2) return [...found]
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (const { executable, offset, size, address } of segments) {
      if (executable) continue
      for (let at = offset + ((8 - (address % 8)) % 8); at + 8 <= offset + size; at += 8) {
        if (view.getUint32(at + 4, true) !== 0) continue
        const target = view.getUint32(at, true)
        if (target >= 0x1000 && isStart.has(target)) found.add(target)
      }
    }
    return [...found]
  }

  #indexes(starts: number[], addresses: number[]): number[] {
    const found = addresses
      .filter((address) => isCode(this.#linking.segments, address))
      .map((address) => indexOf(starts, address))
    return [...new Set(found)].filter((index) => index >= 0)
  }
}

/** Index of the last start that is not behind an address; -1 where there is none. */
function indexOf(starts: readonly number[], address: number): number {
  let low = 0
  let high = starts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (starts[middle]! <= address) low = middle + 1
    else high = middle
  }
  return low - 1
}
