import type { UnikernelName, VmmName } from '../../../src/function/spec.ts'
import type { KernelCase, VmmCase } from './cases.ts'

/** What an upstream is known not to do. */
export interface Limit<Case extends string> {
  /** All kernels, where none is named. */
  kernel?: UnikernelName
  /** All VMMs, where none is named. */
  vmm?: VmmName
  cases: readonly Case[]
  /** Why, in words that can follow the case. */
  reason: string
  /** Where upstream talks or says something about it. */
  thread?: string
  /**
   * The case is run all the same and has to fail: when it passes one day, the limit is to be taken away. `skip` where
   * that would take long, or proves nothing.
   */
  skip?: true
}

export const kernelLimits: readonly Limit<KernelCase>[] = [
  {
    kernel: 'nanos',
    vmm: 'qemu',
    cases: ['exit-255'],
    reason: "QEMU's exit device carries seven bits of the status",
    thread: 'https://github.com/nanovms/nanos/issues/63',
  },
  {
    kernel: 'nanos',
    vmm: 'firecracker',
    cases: [
      ...(['program', 'program-arguments', 'bytes', 'exit-0', 'exit-1', 'exit-42', 'exit-255'] as const),
      ...(['errors-apart', 'crash', 'last-words', 'memory', 'endless', 'exception'] as const),
    ],
    reason:
      'programs are refused by name: the exit status goes to a device that Firecracker does not have, and nowhere else',
    thread: 'https://github.com/nanovms/nanos/pull/1967',
    skip: true,
  },
  {
    kernel: 'nanos',
    vmm: 'firecracker',
    cases: ['handler-exit'],
    reason: 'the exit status goes to a device that Firecracker does not have, and nowhere else',
    thread: 'https://github.com/nanovms/nanos/pull/1967',
  },
  {
    kernel: 'nanos',
    vmm: 'qemu',
    cases: ['errors-apart'],
    reason: 'one console takes all that a program writes (src/unix/special.c)',
  },
  {
    kernel: 'linux',
    vmm: 'firecracker',
    cases: ['errors-apart'],
    reason: 'Firecracker has one serial line (docs/design.md)',
  },
  {
    kernel: 'osv',
    cases: ['errors-apart'],
    reason: 'all that is written goes to all consoles (drivers/console-multiplexer.cc)',
  },
  {
    kernel: 'osv',
    cases: ['memory'],
    reason: 'a program that no memory is left for waits, until the time limit ends it',
    thread: 'https://github.com/cloudius-systems/osv/issues/637',
    skip: true,
  },
  {
    kernel: 'unikraft',
    cases: ['errors-apart'],
    reason: 'one console takes all that a program writes (lib/posix-tty, lib/ukconsole)',
  },
  {
    kernel: 'unikraft',
    cases: ['resources'],
    reason: 'one processor is all that it uses, whatever there is (CONFIG_UKPLAT_LCPU_MAXCOUNT)',
    thread: 'https://github.com/unikraft/unikraft/issues/587',
  },
  {
    kernel: 'unikraft',
    vmm: 'firecracker',
    cases: ['clock'],
    reason: "it reads the time from a PC's clock, which Firecracker has not: there it is 1999",
    thread: 'https://github.com/unikraft/unikraft/issues/1759',
  },
]

export const vmmLimits: readonly Limit<VmmCase>[] = [
  {
    vmm: 'qemu',
    cases: ['linux'],
    reason: 'an ELF file of 64 bits is started by its PVH note only (hw/i386/x86.c)',
    thread: 'https://github.com/Solo5/solo5/issues/332',
  },
  {
    vmm: 'firecracker',
    cases: ['error-line'],
    reason: 'there is one serial line (docs/design.md)',
  },
  {
    vmm: 'firecracker',
    cases: ['status'],
    reason: 'there is no device by which a guest could tell a status (docs/design.md)',
    skip: true,
  },
]
