import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { mayTap, tapRights } from '../../src/link/tap/rights.ts'
import { folderOf, kernels, lacking, root, ufr } from './ufr.ts'

const noGcc = findCommand('gcc') ? false : 'no gcc'
const event = ['--event', '{"name":"Ada"}']
const example = (name: string) => path.join(root, 'examples', name)
const emulated = ['--vmm', 'qemu', '--accel', 'tcg']

for (const kernel of [...kernels, 'unikraft']) {
  test(`${kernel}: a C program gets its event from the Runtime API`, {
    skip: lacking(kernel) || noGcc,
  }, async (t) => {
    const { status, stdout, stderr } = await ufr(t, [
      'run',
      example('hello-c'),
      ...event,
      '--unikernel',
      kernel,
      ...emulated,
    ])
    assert.equal(status, 0, stderr)
    assert.equal(stdout, '{"message":"Hello, Ada!"}\n')
  })
}

const noTap = mayTap(tapRights(), false) ? false : 'no tap link here'
test('over a tap link it does so too', { skip: lacking('linux') || noGcc || noTap }, async (t) => {
  const on = ['--unikernel', 'linux', '--link', 'tap', ...emulated]
  const { status, stdout, stderr } = await ufr(t, ['run', example('hello-c'), ...event, ...on])
  assert.equal(status, 0, stderr)
  assert.equal(stdout, '{"message":"Hello, Ada!"}\n')
})

const noGo = findCommand('go') || findCommand('go', '/usr/local/go/bin') ? false : 'no go'
test("AWS's Go client runs as it is", { skip: lacking('linux') || noGo }, async (t) => {
  const on = ['--unikernel', 'linux', ...emulated]
  const { status, stdout, stderr } = await ufr(t, ['run', example('hello-go'), ...event, ...on])
  if (/proxy\.golang\.org|no such host|dial tcp/.test(stderr) && status === 4) {
    t.skip('the Go module proxy cannot be reached')
    return
  }
  assert.equal(status, 0, stderr)
  assert.equal(stdout, '{"message":"Hello, Ada!"}\n')
})

/** A client that reports what `report` makes of an event, by the API's `path`. */
const client = (path: string, report: string) => `
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static char text[65536];
static void ask(const char *method, const char *path, const char *body) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9001)};
  inet_pton(AF_INET, strtok(strdup(getenv("AWS_LAMBDA_RUNTIME_API")), ":"), &to.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0), n;
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) exit(9);
  dprintf(fd, "%s /2018-06-01/runtime/%s HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n"
    "Lambda-Runtime-Function-Error-Type: Function.Broken\\r\\nContent-Length: %zu\\r\\n\\r\\n%s", method, path, strlen(body), body);
  for (size_t at = 0; (n = read(fd, text + at, sizeof text - 1 - at)) > 0; at += n) text[at + n] = 0;
  close(fd);
}
int main(void) {
  char path[300] = "init/error";
  if (${path === 'init' ? 0 : 1}) {
    ask("GET", "invocation/next", "");
    char *id = strcasestr(text, "aws-request-id: ") + 16;
    snprintf(path, sizeof path, "invocation/%.36s/${path}", id);
  }
  ${report}
  ask("POST", path, "{\\"errorType\\":\\"Broken\\",\\"errorMessage\\":\\"as told\\"}");
  return 3;
}`

const linux = { skip: lacking('linux') || noGcc }
const broken = { errorType: 'Broken', errorMessage: 'as told' }
interface Document {
  error: { errorType?: string; code?: string }
}

const cases: [
  name: string,
  path: string,
  more: string,
  status: number,
  check: (document: Document) => void,
][] = [
  [
    'an error',
    'error',
    '',
    1,
    ({ error }) => assert.deepEqual({ ...error, trace: [] }, { ...broken, trace: [] }),
  ],
  ['an error at its start', 'init', '', 1, ({ error }) => assert.equal(error.errorType, 'Broken')],
  [
    'an end without an answer',
    'error',
    'exit(3);',
    1,
    ({ error }) => assert.equal(error.code, 'UFR-FUNCTION-EXITED'),
  ],
  [
    'no answer in time',
    'error',
    'sleep(100);',
    1,
    ({ error }) => assert.equal(error.code, 'UFR-FUNCTION-TIMEOUT'),
  ],
]
for (const [name, where, more, expected, check] of cases) {
  test(`${name} is told as a handler's`, linux, async (t) => {
    const source = `#define _GNU_SOURCE\n${client(where, more)}`
    const config = JSON.stringify({ name: 'f', runtime: 'provided.al2023', timeout: 2 })
    const folder = folderOf(t, { 'main.c': source, 'ufr.json': config })
    const { status, stdout } = await ufr(t, ['run', folder, '--json', '--unikernel', 'linux', ...emulated])
    assert.equal(status, expected, stdout)
    check(JSON.parse(stdout))
  })
}

test("a compiler's words are passed on with file and line", {
  skip: noGcc || lacking('linux'),
}, async (t) => {
  const folder = folderOf(t, { 'main.c': 'int main(void)\n{\n  return nothing;\n}\n' })
  const { status, stderr } = await ufr(t, ['build', folder, '--unikernel', 'linux'])
  assert.equal(status, 4, stderr)
  assert.match(stderr, /UFR-BUILD: cc cannot build .*main\.c:3:10: error: .nothing. undeclared/)
})

test('a missing compiler is named', { skip: lacking('linux') }, async (t) => {
  const folder = folderOf(t, { 'go.mod': 'module f\n', 'main.go': 'package main\nfunc main() {}\n' })
  const made = path.join(folder, 'nothing')
  const node = path.dirname(process.execPath)
  const env = { PATH: `${node}:${made}:/bin`, HOME: made }
  const { status, stderr } = await ufr(t, ['build', folder, '--unikernel', 'linux'], { env })
  // Where its installer has put it, it is found all the same.
  if (status === 0) return t.skip('go is where its installer puts it')
  assert.equal(status, 3, stderr)
  assert.match(stderr, /UFR-TOOLCHAIN: .* is built with go, which is not installed/)
})
