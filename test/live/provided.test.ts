import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { hostAddresses } from '../../src/link/tap/pool.ts'
import { callPort, guestNetwork } from '../../src/vmm/machine.ts'
import { kernelSubjects } from './conformance/subjects.ts'
import { folderOf, lacking, ufr } from './ufr.ts'

const noGcc = findCommand('gcc') ? false : 'no gcc'
const emulated = ['--vmm', 'qemu', '--accel', 'tcg']

/** Asks for an event, a row of addresses, and tells of each whether it can be reached. */
const scout = `
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static char text[65536], answer[65536];
static int open_to(const char *host, int port, int wait) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &to.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (wait) return connect(fd, (struct sockaddr *)&to, sizeof to) ? -1 : fd;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  int done = connect(fd, (struct sockaddr *)&to, sizeof to) == 0, error = done ? 0 : errno;
  struct pollfd look = {.fd = fd, .events = POLLOUT};
  if (error == EINPROGRESS) {
    error = ETIMEDOUT;
    socklen_t size = sizeof error;
    if (poll(&look, 1, 3000) > 0) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  close(fd);
  return error;
}
static void ask(const char *method, const char *path, const char *body) {
  char host[64];
  int port, n;
  sscanf(getenv("AWS_LAMBDA_RUNTIME_API"), "%63[^:]:%d", host, &port);
  int fd = open_to(host, port, 1);
  if (fd < 0) exit(9);
  dprintf(fd, "%s /2018-06-01/runtime/invocation/%s HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n"
    "Content-Length: %zu\\r\\n\\r\\n%s", method, path, strlen(body), body);
  for (size_t at = 0; (n = read(fd, text + at, sizeof text - 1 - at)) > 0; at += n) text[at + n] = 0;
  close(fd);
}
int main(void) {
  ask("GET", "next", "");
  char path[300], host[64], *at = answer + sprintf(answer, "{"), *word;
  snprintf(path, sizeof path, "%.36s/response", strcasestr(text, "aws-request-id: ") + 16);
  int port;
  for (word = strtok(strchr(strstr(text, "\\r\\n\\r\\n"), '"'), " \\""); word; word = strtok(NULL, " \\""))
    if (sscanf(word, "%63[^:]:%d", host, &port) == 2)
      at += sprintf(at, "%s\\"%s\\":\\"%s\\"", at[-1] == '{' ? "" : ",", word,
        open_to(host, port, 0) == 0 ? "open" : "closed");
  sprintf(at, "}");
  ask("POST", path, answer);
  for (;;) pause();
}`

const subjects = (await kernelSubjects()).filter(({ kernel, first }) => first || kernel === 'linux')
for (const { kernel, vmm, accel, link, title, lack } of subjects) {
  test(`a program on ${title} reaches its own Runtime API, and nothing else`, {
    skip: lack || noGcc,
  }, async (t) => {
    let reached = 0
    const server = net.createServer((socket) => {
      reached++
      socket.on('error', () => {}).end()
    })
    server.listen(0, '0.0.0.0')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const { gateway, nameserver } = guestNetwork
    const own = `${gateway}:${callPort}`
    const hosts = [gateway, nameserver, '127.0.0.1', '192.0.2.1', ...hostAddresses()]
    const closed = [...new Set(hosts)].map((host) => `${host}:${port}`)
    closed.push(
      ...[22, 53, 111, callPort - 1].map((each) => `${gateway}:${each}`),
      `${nameserver}:${callPort}`,
    )
    const folder = folderOf(t, { 'main.c': scout, 'ufr.json': '{ "runtime": "provided.al2023" }' })
    const event = ['--event', JSON.stringify([own, ...closed].join(' '))]
    const on = ['--unikernel', kernel, '--vmm', vmm, '--accel', accel, '--link', link]
    const { status, stdout, stderr } = await ufr(t, ['run', folder, ...event, ...on])
    assert.equal(status, 0, stderr)
    assert.deepEqual(JSON.parse(stdout), {
      [own]: 'open',
      ...Object.fromEntries(closed.map((each) => [each, 'closed'])),
    })
    assert.equal(reached, 0)
  })
}

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
  const folder = folderOf(t, { 'main.c': 'int main(void) { return 0; }\n' })
  const env = { CC: 'no-such-compiler' }
  const { status, stderr } = await ufr(t, ['build', folder, '--unikernel', 'linux'], { env })
  assert.equal(status, 3, stderr)
  assert.match(stderr, /UFR-TOOLCHAIN: .* is built with no-such-compiler, which is not installed/)
  assert.match(stderr, /apt-get install gcc/)
})
