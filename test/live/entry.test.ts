import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { document } from '../cli/schemas.ts'
import { folderOf, kernels, lacking, ufr } from './ufr.ts'

const mark = '\\033_\\033\\\\'

/** Prints what looks like a mark, and with an argument what a child of its own prints. */
const source = `
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IONBF, 0);
  if (argc > 1) {
    int end[2];
    if (pipe(end)) return 2;
    if (fork() == 0) {
      dup2(end[1], 1);
      execl("/proc/self/exe", "child", (char *)NULL);
      return 3;
    }
    close(end[1]);
    char text[200];
    int n = 0, got;
    while ((got = read(end[0], text + n, sizeof text - n)) > 0) n += got;
    printf("the child said %d bytes: ", n);
    fwrite(text, 1, n, stdout);
  }
  printf("one ${mark} two\\n");
  return 0;
}`
const printed = 'one \x1b_\x1b\\ two\n'

interface Ran {
  output: string
  phases: Record<'vcpu' | 'kernel' | 'entry' | 'response', number | null>
  digest: string
}

function compiled(t: TestContext, flags: string[], args: string[] = []): string {
  const folder = folderOf(t, { 'main.c': source })
  execFileSync('gcc', ['-O1', '-o', path.join(folder, 'main'), path.join(folder, 'main.c'), ...flags], {
    timeout: 60_000,
  })
  const config = {
    name: 'entry',
    runtime: 'native',
    command: 'main',
    shape: 'program',
    files: ['main'],
    args,
  }
  fs.writeFileSync(path.join(folder, 'ufr.json'), JSON.stringify(config))
  return folder
}

async function run(t: TestContext, folder: string, kernel: string, entryMark = 'on'): Promise<Ran> {
  const args = ['run', folder, '--unikernel', kernel, '--vmm', 'qemu', '--accel', 'tcg', '--json']
  const { status, stdout, stderr } = await ufr(t, args, { env: { UFR_ENTRY_MARK: entryMark } })
  assert.equal(status, 0, stdout + stderr)
  const { response, phases, image } = document('run', stdout)
  return { output: response.output, phases, digest: image.digest }
}

function inOrder({ phases: { vcpu, kernel, entry, response } }: Ran): void {
  const all = [0, vcpu, kernel, entry, response]
  const sorted = all.every((at, i) => at !== null && (i === 0 || at >= all[i - 1]!))
  assert.ok(sorted && kernel! < entry!, JSON.stringify(all))
}

for (const kernel of kernels) {
  const skip = lacking(kernel) || (findCommand('gcc') ? false : 'no gcc')

  test(`${kernel}: a program tells when it begins, and nobody sees it`, { skip }, async (t) => {
    const dynamic = compiled(t, [])
    const [on, off] = [await run(t, dynamic, kernel), await run(t, dynamic, kernel, 'off')]
    assert.deepEqual([on.output, off.output], [printed, printed])
    inOrder(on)
    assert.equal(off.phases.entry, null)
    assert.notEqual(on.digest, off.digest)
    // Once with room for the mark behind the code, once without.
    for (const flags of [['-static-pie'], ['-static', '-Wl,-z,noseparate-code']]) {
      const ran = await run(t, compiled(t, flags), kernel)
      assert.equal(ran.output, printed, flags.join(' '))
      inOrder(ran)
    }
  })
}

test('linux: what a program starts tells nothing', { skip: lacking('linux') }, async (t) => {
  const ran = await run(t, compiled(t, [], ['parent']), 'linux')
  assert.equal(ran.output, `the child said ${printed.length} bytes: ${printed}${printed}`)
  inOrder(ran)
})

test("a disk for other tools has the program's own files only", { skip: lacking('linux') }, async (t) => {
  const folder = compiled(t, ['-static'])
  const disk = path.join(folderOf(t, {}), 'disk.img')
  const { status, stderr } = await ufr(t, ['build', folder, '--unikernel', 'linux', '-o', disk])
  assert.equal(status, 0, stderr)
  const out = path.join(path.dirname(disk), 'out')
  const extracted = await ufr(t, ['image', 'extract', disk, out])
  assert.equal(extracted.status, 0, extracted.stderr)
  const [had, has] = [path.join(folder, 'main'), path.join(out, 'var/task/main')].map((file) =>
    fs.readFileSync(file),
  )
  assert.ok(had!.equals(has!))
})
