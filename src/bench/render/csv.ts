import type { BootReport } from '../report.ts'

const head = [
  ...['function', 'runtime', 'unikernel', 'kernel_version', 'vmm', 'accel', 'arm', 'round', 'discarded'],
  ...['vmm_ms', 'vcpu_ms', 'kernel_ms', 'entry_ms', 'ready_ms', 'response_ms', 'error'],
]

/** Every run in a line: milliseconds since the VMM's start, empty where a mark was not to be had (RFC 4180). */
export function csvReport({ cells }: BootReport): string {
  const rows = cells.flatMap((cell) => {
    const { function: name, runtime, unikernel, kernelVersion, vmm, accel, arm, reason, runs } = cell
    const first = [name, runtime, unikernel, kernelVersion, vmm, accel, arm]
    if (runs.length === 0) return [[...first, '', '', '', '', '', '', '', '', reason?.code ?? '']]
    return runs.map(({ round, discarded, phases, error }) => {
      const { vmm: start, vcpu, kernel, entry, ready, response } = phases ?? nothing
      return [...first, round, discarded, start, vcpu, kernel, entry, ready, response, error?.code ?? '']
    })
  })
  return [head, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('')
}

const nothing = { vmm: null, vcpu: null, kernel: null, entry: null, ready: null, response: null }

function field(value: string | number | boolean | null): string {
  const text = value === null ? '' : String(value)
  // A spreadsheet takes what begins like a formula for one.
  const plain = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
