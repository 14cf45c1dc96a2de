import { elfFixture } from './elf-fixture.ts'

/**
 * A static program of one page that writes a text to standard output and ends, or one that never does, by Linux's
 * system calls alone.
 */
export function printingElf(text: string, { endless = false } = {}): Buffer {
  const message = Buffer.from(text)
  const write = Buffer.from([
    ...[0xb8, 1, 0, 0, 0], // mov eax, 1 (write)
    ...[0xbf, 1, 0, 0, 0], // mov edi, 1
    ...[0x48, 0x8d, 0x35, 0, 0, 0, 0], // lea rsi, [rip + …]
    ...[0xba, 0, 0, 0, 0], // mov edx, …
    ...[0x0f, 0x05], // syscall
  ])
  // pause again and again, or exit with status 0
  const end = endless
    ? Buffer.from([0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7])
    : Buffer.from([0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05])
  write.writeInt32LE(write.length + end.length - 17, 13)
  write.writeInt32LE(message.length, 18)
  return elfFixture({ payload: Buffer.concat([write, end, message]) })
}
