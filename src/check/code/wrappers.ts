import { entryRegister, type Registers, stackArgument } from './scan.ts'

/** A call of a function by another one of the same file, by their indexes. */
export interface Edge {
  from: number
  to: number
  registers: Registers
}

/** Where a wrapper function takes the number from: a register by its number, or the stack. */
export type NumberPlace = number | 'stack'

/** A function whose facts are being collected. */
export interface Draft {
  name?: string
  calls: Set<number>
  to: Set<number>
  imports: Set<number>
  unresolved: number
}

/** Functions of Go that make the system call whose number they are given first, which is in rax (Go's ABIInternal). */
export const goWrapper =
  /^(?:syscall|internal\/runtime\/syscall(?:\/linux)?|golang\.org\/x\/sys\/unix)\.(?:[rR]aw|runtime_)?\w*[sS]yscall\w*$/
/** What is Go's own library. */
export const goOwn = /^(?:runtime|os|syscall|internal\/runtime\/.*|golang\.org\/x\/sys\/unix)\./
const maxWrapping = 6
/** No system call of x86-64 has a higher number. */
const maxNumber = 1024

/** Functions that make whatever system call they are told: the number is in who calls them, or in who calls those. */
export function resolveWrappers(functions: Draft[], wrappers: Map<number, NumberPlace>, edges: Edge[]): void {
  const into = new Map<number, Edge[]>()
  for (const edge of edges) {
    const there = into.get(edge.to)
    if (there) there.push(edge)
    else into.set(edge.to, [edge])
  }
  const done = new Set<string>()
  let level = [...wrappers]
  for (let depth = 0; depth < maxWrapping && level.length > 0; depth++) {
    const next: [number, NumberPlace][] = []
    for (const [wrapper, place] of level) {
      if (done.has(`${wrapper} ${place}`)) continue
      done.add(`${wrapper} ${place}`)
      let told = false
      for (const { from, registers } of into.get(wrapper) ?? []) {
        const value = place === 'stack' ? registers.pushed : place === 0 ? registers.rax : registers.rdi
        const further = entryRegister(value)
        const passedOn = place === 'stack' ? further === stackArgument : further === 0 || further === 7
        if (value >= 0 && value < maxNumber) functions[from]!.calls.add(value)
        else if (passedOn) next.push([from, further === stackArgument ? 'stack' : further!])
        else {
          if (place !== 'stack') functions[from]!.unresolved++
          continue
        }
        told = true
      }
      if (told && place === 'stack') functions[wrapper]!.unresolved = 0
    }
    level = next
  }
}
