// The native program that the conformance suite runs in guests: linked statically and position-independent, as every
// kernel takes it. `server.mjs` answers the same requests on Node.js.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
static int arguments;
static char **argument;

// --- SHA-256 (FIPS 180-4) ---

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

#define ROTATE(x, n) ((x) >> (n) | (x) << (32 - (n)))

static void block(uint32_t h[8], const unsigned char *p) {
  uint32_t w[64], s[8];
  for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (ROTATE(a, 7) ^ ROTATE(a, 18) ^ a >> 3) + (ROTATE(b, 17) ^ ROTATE(b, 19) ^ b >> 10);
  }
  memcpy(s, h, sizeof s);
  for (int i = 0; i < 64; i++) {
    uint32_t e = s[4], a = s[0];
    uint32_t x = s[7] + (ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + k[i] + w[i];
    uint32_t y = (ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += x;
    s[0] = x + y;
  }
  for (int i = 0; i < 8; i++) h[i] += s[i];
}

static int hash_file(const char *path, char *text) {
  static unsigned char bytes[1 << 16];
  uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint64_t total = 0;
  size_t have = 0;
  int file = open(path, O_RDONLY);
  if (file < 0) return errno;
  for (;;) {
    ssize_t n = read(file, bytes + have, sizeof bytes - have - 128);
    if (n < 0) return errno;
    if (n == 0) break;
    total += n;
    have += n;
    size_t done = 0;
    for (; have - done >= 64; done += 64) block(h, bytes + done);
    memmove(bytes, bytes + done, have -= done);
  }
  close(file);
  bytes[have++] = 0x80;
  while (have % 64 != 56) bytes[have++] = 0;
  for (int i = 0; i < 8; i++) bytes[have++] = total * 8 >> (56 - 8 * i);
  for (size_t done = 0; done < have; done += 64) block(h, bytes + done);
  for (int i = 0; i < 8; i++) sprintf(text + 8 * i, "%08x", h[i]);
  return 0;
}

// --- What a program sees of its surroundings: lines of a word and bytes in hexadecimal ---

static void line(FILE *out, const char *word, const char *bytes) {
  fprintf(out, "%s ", word);
  for (; *bytes; bytes++) fprintf(out, "%02x", (unsigned char)*bytes);
  fputc('\n', out);
}

static void inspect(FILE *out) {
  char folder[4096] = "", number[32];
  struct timespec now;
  time_t summer = 1782864000; // 2026-07-01T00:00:00Z
  struct tm local;
  for (int i = 2; i < arguments; i++) line(out, "arg", argument[i]);
  for (char **each = environ; *each; each++) line(out, "env", *each);
  line(out, "cwd", getcwd(folder, sizeof folder) ? folder : "");
  clock_gettime(CLOCK_REALTIME, &now);
  sprintf(number, "%lld", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
  line(out, "clock", number);
  localtime_r(&summer, &local);
  sprintf(number, "%ld", local.tm_gmtoff / 60);
  line(out, "offset", number);
  sprintf(number, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
  line(out, "cpus", number);
  sprintf(number, "%lld", (long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) >> 20);
  line(out, "memory", number);
}

// --- The network from within ---

static const char *try_connect(char *where) {
  char *colon = strchr(where, ':');
  struct sockaddr_in to = {.sin_family = AF_INET};
  int s = socket(AF_INET, SOCK_STREAM, 0), error = 0;
  socklen_t size = sizeof error;
  if (!colon || s < 0) return "wrong";
  *colon = 0;
  inet_pton(AF_INET, where, &to.sin_addr);
  to.sin_port = htons(atoi(colon + 1));
  fcntl(s, F_SETFL, O_NONBLOCK);
  int done = connect(s, (void *)&to, sizeof to);
  const char *result = done == 0 ? "connected" : errno == EINPROGRESS ? 0 : "refused";
  struct pollfd wait = {.fd = s, .events = POLLOUT};
  if (!result && poll(&wait, 1, 1500) != 1) result = "nothing";
  if (!result) result = getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size) || error ? "refused" : "connected";
  close(s);
  return result;
}

/** Asks the guest's nameserver for a name's IPv4 address (RFC 1035), by UDP. */
static void resolve(const char *name, char *text) {
  const char *nameserver = "10.0.2.3";
  unsigned char packet[512] = {0x55, 0x46, 1, 0, 0, 1}, *p = packet + 12;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
  strcpy(text, "nothing");
  for (const char *at = name; *at;) {
    size_t n = strcspn(at, ".");
    *p++ = n;
    memcpy(p, at, n);
    p += n;
    at += n + (at[n] == '.');
  }
  memcpy(p, "\0\0\1\0\1", 5);
  size_t asked = p + 5 - packet;
  inet_pton(AF_INET, nameserver, &to.sin_addr);
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct pollfd wait = {.fd = s, .events = POLLIN};
  if (s >= 0 && sendto(s, packet, asked, 0, (void *)&to, sizeof to) > 0 && poll(&wait, 1, 3000) == 1) {
    ssize_t n = recv(s, packet, sizeof packet, 0);
    if (n >= 16) inet_ntop(AF_INET, packet + n - 4, text, 64);
  }
  close(s);
}

// --- The server ---

static void send_all(int to, const void *bytes, size_t n) {
  for (const char *at = bytes; n > 0;) {
    ssize_t sent = write(to, at, n);
    if (sent <= 0) return;
    at += sent;
    n -= sent;
  }
}

static void answer(int to, const char *text, size_t n) {
  char head[128];
  send_all(to, head, sprintf(head, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", n));
  send_all(to, text, n);
}

/** The body back as it comes. */
static void echo(int c, char *rest, size_t have, long long length) {
  char head[128];
  static __thread char bytes[1 << 16];
  send_all(c, head, sprintf(head, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %lld\r\n\r\n", length));
  send_all(c, rest, have);
  for (length -= have; length > 0;) {
    ssize_t n = read(c, bytes, sizeof bytes);
    if (n <= 0) return;
    send_all(c, bytes, n);
    length -= n;
  }
}

static void route(int c, char *path, char *rest, size_t have, long long length) {
  char text[128] = "", *query = strchr(path, '?');
  if (query) *query++ = 0;
  if (!strcmp(path, "/echo")) return echo(c, rest, have, length);
  if (!strcmp(path, "/inspect")) {
    char *whole;
    size_t n;
    FILE *out = open_memstream(&whole, &n);
    inspect(out);
    fclose(out);
    answer(c, whole, n);
    free(whole);
    return;
  }
  if (!strcmp(path, "/file")) {
    int error = hash_file("/var/task/large.bin", text);
    if (error) strcpy(text, strerror(error));
  } else if (!strcmp(path, "/connect")) strcpy(text, try_connect(query ? query : ""));
  else if (!strcmp(path, "/resolve")) resolve(query ? query : "", text);
  else if (!strcmp(path, "/exit")) {
    dprintf(1, "leaving now\n");
    _exit(atoi(query ? query : "0"));
  } else if (!strcmp(path, "/wait")) {
    dprintf(1, "waiting now\n");
    for (;;) sleep(1000);
  } else strcpy(text, "hello");
  answer(c, text, strlen(text));
}

static void *serve_one(void *given) {
  int c = (int)(intptr_t)given;
  char bytes[8192], method[16], path[512], *end = 0, *length;
  size_t have = 0;
  while (have < sizeof bytes - 1 && !end) {
    ssize_t n = read(c, bytes + have, sizeof bytes - 1 - have);
    if (n <= 0) break;
    bytes[have += n] = 0;
    end = strstr(bytes, "\r\n\r\n");
  }
  if (end && sscanf(bytes, "%15s %511s", method, path) == 2) {
    end += 4;
    length = strcasestr(bytes, "\r\ncontent-length:");
    route(c, path, end, bytes + have - end, length && length < end ? atoll(length + 17) : 0);
  }
  close(c);
  return 0;
}

static int serve(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT") ? getenv("PORT") : "8080"))};
  int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(s, (void *)&at, sizeof at) || listen(s, 128)) return perror("listen"), 1;
  for (;;) {
    pthread_t thread;
    pthread_attr_t small;
    int c = accept(s, 0, 0);
    if (c < 0) continue;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 << 10);
    if (pthread_create(&thread, &small, serve_one, (void *)(intptr_t)c)) close(c);
    else pthread_detach(thread);
  }
}

// --- Ways to end ---

/** Every byte and many pairs of bytes, in an order that no terminal leaves as it is. */
static void print_bytes(size_t n) {
  unsigned char *bytes = malloc(n);
  for (size_t i = 0; i < n; i++) bytes[i] = i * (1 + i / 256) + i / 256;
  send_all(1, bytes, n);
}

static int fill_memory(void) {
  for (size_t piece = 1 << 20;;) {
    char *bytes = malloc(piece);
    if (!bytes) return dprintf(1, "no more\n"), 3;
    for (size_t i = 0; i < piece; i += 4096) ((volatile char *)bytes)[i] = 1;
  }
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  arguments = argc;
  argument = argv;
  if (!strcmp(mode, "serve")) return serve();
  if (!strcmp(mode, "inspect")) return inspect(stdout), 0;
  if (!strcmp(mode, "bytes")) return print_bytes(atol(argv[2])), 1;
  dprintf(1, "the first words\n");
  dprintf(2, "words on standard error\n");
  dprintf(1, "the last words\n");
  if (!strcmp(mode, "exit")) return atoi(argv[2]);
  if (!strcmp(mode, "crash")) return *(volatile int *)(intptr_t)atol("16");
  if (!strcmp(mode, "memory")) return fill_memory();
  if (!strcmp(mode, "wait")) for (;;) sleep(1000);
  return 2;
}
