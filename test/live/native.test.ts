import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { folderOf, kernels, lacking, ufr } from './ufr.ts'

const program = `
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) printf("[%s]\\n", argv[i]);
  printf("%s", getenv("WORD"));
  fflush(stdout);
  fprintf(stderr, "a word on standard error\\n");
  return 7;
}`

function compiled(t: TestContext, source: string, config: object, flags: string[] = []): string {
  const folder = folderOf(t, { 'main.c': source })
  execFileSync('gcc', ['-O1', '-o', path.join(folder, 'main'), path.join(folder, 'main.c'), ...flags], {
    timeout: 60_000,
  })
  fs.rmSync(path.join(folder, 'main.c'))
  const whole = { name: 'native', runtime: 'native', command: 'main', ...config }
  fs.writeFileSync(path.join(folder, 'ufr.json'), JSON.stringify(whole))
  return folder
}

for (const kernel of kernels) {
  const options = { skip: lacking(kernel) || (findCommand('gcc') ? false : 'no gcc') }
  const on = ['--unikernel', kernel, '--accel', 'tcg']

  for (const linked of ['dynamic', 'static']) {
    test(
      `${kernel}: a ${linked} program's standard output is the result, its status is told`,
      options,
      async (t) => {
        const folder = compiled(
          t,
          program,
          {
            shape: 'program',
            args: ['two words', 'ünï', '', `'"$`],
            environment: { WORD: 'no newline at the end' },
          },
          linked === 'static' ? ['-static'] : [],
        )
        const { status, stdout, stderr } = await ufr(t, ['run', folder, ...on])
        assert.equal(status, 1, stderr)
        assert.match(stderr, /exit status 7/)
        const text = `[two words]\n[ünï]\n[]\n['"$]\nno newline at the end`
        // Some kernels have one console for both: the words of standard error are among the output there.
        assert.equal(stdout.replace('a word on standard error\n', ''), text)
      },
    )
  }
}
