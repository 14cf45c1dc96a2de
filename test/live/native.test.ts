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
#include <string.h>
int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) printf("[%s]\\n", argv[i]);
  printf("%s", getenv("WORD"));
  fflush(stdout);
  fprintf(stderr, "a word on standard error\\n");
  if (argc > 1 && !strcmp(argv[1], "crash")) *(volatile int *)16 = 1;
  return 7;
}`

const server = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
int main(void) {
  struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT"))) };
  int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(s, (void *)&a, sizeof a) || listen(s, 16)) { perror("listen"); return 1; }
  for (;;) {
    char b[4096];
    int c = accept(s, 0, 0);
    if (read(c, b, sizeof b) > 0) dprintf(c, "HTTP/1.0 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nfrom C");
    close(c);
  }
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
        // Nanos has one console for both: the words of standard error are among the output there.
        assert.equal(stdout.replace('a word on standard error\n', ''), text)
        if (kernel === 'linux') assert.match(stderr, /a word on standard error\n/)
      },
    )
  }

  test(`${kernel}: a crash is told as the signal it was`, options, async (t) => {
    const folder = compiled(t, program, { shape: 'program', args: ['crash'], environment: { WORD: '' } })
    const { status, stdout } = await ufr(t, ['run', folder, ...on, '--json'])
    assert.equal(status, 1)
    assert.equal(JSON.parse(stdout).response.status, 128 + 11)
  })

  test(`${kernel}: a web server in C is found to be ready and answers`, options, async (t) => {
    const folder = compiled(t, server, { shape: 'web' }, ['-static'])
    const { status, stdout, stderr } = await ufr(t, ['run', folder, ...on, '--request', '/'])
    assert.equal(status, 0, stderr)
    assert.equal(stdout, 'from C')
  })
}
