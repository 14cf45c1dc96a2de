/** Values of `e_type` that ufr tells apart (System V ABI, "ELF header"). */
export const elfType = { relocatable: 1, executable: 2, shared: 3, core: 4 } as const

/** The one `e_machine` that the guests run. */
export const machineX86_64 = 62

// Names as `file` and the tool chains write them; numbers from the System V ABI's list of e_machine values.
const machineNames = new Map<number, string>([
  [2, 'sparc'],
  [3, 'i386'],
  [8, 'mips'],
  [20, 'powerpc'],
  [21, 'ppc64'],
  [22, 's390'],
  [40, 'arm'],
  [43, 'sparc64'],
  [50, 'ia64'],
  [machineX86_64, 'x86-64'],
  [183, 'aarch64'],
  [243, 'riscv'],
  [247, 'bpf'],
  [258, 'loongarch'],
])

/** What people call an `e_machine` value; unknown ones are named by their number. */
export function machineName(machine: number): string {
  return machineNames.get(machine) ?? `machine ${machine}`
}

/** Whether the bytes start like an ELF file; four bytes are enough. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
}
