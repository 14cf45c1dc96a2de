import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { dockerOf, layoutOf, writeArchive, writeFolder } from '../image/container/fixtures.ts'
import type { TarEntry } from '../image/formats/tiny-tar.ts'
import { folderOf, lacking, ufr } from './ufr.ts'

const source = `
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9000) };
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(s, (void *)&a, sizeof a) || listen(s, 8)) return 1;
  for (;;) {
    int c = accept(s, 0, 0);
    char in[4096], message[100] = "", body[1000], head[200];
    read(c, in, sizeof in);
    FILE *f = fopen("message", "r");
    if (f) { fgets(message, sizeof message, f); fclose(f); }
    int made = open("/etc/made", O_CREAT | O_WRONLY, 0644);
    int n = snprintf(body, sizeof body, "%s, %s: %s %s%s%s", message, getenv("WHO"), argv[1], argv[2],
      access("/etc/hidden", F_OK) ? "" : ", hidden is there", made < 0 ? ", read-only" : "");
    int k = snprintf(head, sizeof head, "HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n", n);
    write(c, head, k);
    write(c, body, n);
    close(c);
  }
}`

function compiled(t: TestContext): Buffer {
  const folder = folderOf(t, { 'web.c': source })
  const file = path.join(folder, 'web')
  execFileSync('gcc', ['-O1', '-static-pie', '-o', file, `${file}.c`], { timeout: 60_000 })
  return fs.readFileSync(file)
}

function image(program: Buffer, entrypoint: string[]) {
  const lower: TarEntry[] = [
    { name: 'usr/bin/web', data: program, mode: 0o755 },
    { name: 'bin', type: '2', target: 'usr/bin' },
    { name: 'etc/hidden', data: 'x' },
    { name: 'start.sh', data: '#!/bin/sh\nexec "$@"\n', mode: 0o755 },
  ]
  const upper: TarEntry[] = [{ name: 'etc/.wh.hidden' }, { name: 'app/message', data: 'Hello' }]
  return {
    name: 'team/web:1',
    layers: [lower, upper],
    packing: 'gzip' as const,
    config: {
      Entrypoint: entrypoint,
      Cmd: ['one', 'two words'],
      Env: ['PATH=/bin', 'WHO=world'],
      WorkingDir: '/app',
      ExposedPorts: { '9000/tcp': {} },
    },
  }
}

for (const kernel of ['linux', 'nanos', 'osv', 'unikraft']) {
  const skip = lacking(kernel) || (findCommand('gcc') ? false : 'no gcc')
  test(`${kernel}: a docker save archive with a server in it answers`, { skip }, async (t) => {
    const folder = folderOf(t, {})
    const file = writeArchive(path.join(folder, 'web.tar'), dockerOf(image(compiled(t), ['web'])))
    const { status, stdout, stderr } = await ufr(t, [
      'run',
      file,
      '--request',
      '/',
      '--unikernel',
      kernel,
      '--accel',
      'tcg',
    ])
    assert.equal(status, 0, stderr)
    // OSv's root is read-only; on the others what is written is gone with the guest.
    assert.equal(stdout, `Hello, world: one two words${kernel === 'osv' ? ', read-only' : ''}`)
  })
}

const lacksLinux = lacking('linux') || lacking('nanos') || (findCommand('gcc') ? false : 'no gcc')

test('a shell script as entrypoint is refused where nothing can be forked, and so said; init writes the image down', {
  skip: lacksLinux,
}, async (t) => {
  const folder = folderOf(t, {})
  const layout = writeFolder(path.join(folder, 'layout'), layoutOf(image(compiled(t), ['/start.sh', 'web'])))
  const refused = await ufr(t, ['run', layout, '--request', '/', '--unikernel', 'nanos'])
  assert.equal(refused.status, 4)
  assert.match(refused.stderr, /no fork and exec.*start\.sh/)
  assert.match(refused.stderr, /--command/)
  const named = ['--command', "web one 'two words'"]
  const built = await ufr(t, ['build', layout, '--unikernel', 'nanos', ...named])
  assert.equal(built.status, 0, built.stderr)
  const init = await ufr(t, ['init', layout, '--json', ...named])
  assert.deepEqual(JSON.parse(init.stdout).config, { name: 'web', image: '.', command: named[1] })
  const again = await ufr(t, ['build', layout, '--unikernel', 'nanos'])
  assert.equal(again.stdout, built.stdout, again.stderr)
})
