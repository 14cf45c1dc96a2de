import { tinyElf } from './tiny-elf.ts'

/** What the probe guest reports through QEMU's exit device when it has done its work. */
export const probeStatus = 42
/** What it writes to the first serial line before, for a VMM without such a device. */
export const probeSign = '*'

// 32-bit protected mode, paging off: the state in which PVH hands over (Xen's "x86/HVM direct boot ABI").
const code = [
  ...[0x0f, 0x20, 0xe0], // mov eax, cr4
  ...[0x0d, 0x00, 0x00, 0x04, 0x00], // or eax, OSXSAVE
  ...[0x0f, 0x22, 0xe0], // mov cr4, eax
  ...[0x31, 0xc9], // xor ecx, ecx
  ...[0x0f, 0x01, 0xd0], // xgetbv: kills Nanos where KVM is nested in a paravirtual one
  ...[0xb9, 0x80, 0x96, 0x98, 0x00], // mov ecx, 10000000
  ...[0x49, 0x75, 0xfd], // dec ecx; jnz: two instructions a round, 20 million in all
  ...[0xb0, probeSign.charCodeAt(0)], // mov al, sign
  ...[0x66, 0xba, 0xf8, 0x03, 0xee], // mov dx, 0x3f8; out dx, al
  ...[0xb8, probeStatus, 0x00, 0x00, 0x00], // mov eax, status
  ...[0xba, 0x01, 0x05, 0x00, 0x00], // mov edx, 0x501
  0xee, // out dx, al
  ...[0xb0, 0xfe, 0xe6, 0x64], // mov al, 0xfe; out 0x64, al: the keyboard controller's reset, which ends Firecracker
  ...[0xf4, 0xeb, 0xfd], // hlt; jmp to it
]

/**
 * A kernel of a few instructions that tells working virtualisation from emulated or paravirtual: it executes 20 million
 * instructions and xgetbv, then ends the VM. That a guest merely starts proves nothing.
 */
export function probeGuest(): Buffer {
  return tinyElf({ loadAddress: 0x100000, code, pvh: true })
}
