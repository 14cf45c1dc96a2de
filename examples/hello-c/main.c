/*
 * An AWS Lambda handler in C: a client of the Runtime API on plain sockets. It asks for an event, answers it, and asks
 * for the next one.
 */
#define _GNU_SOURCE
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGEST = 6 * 1024 * 1024 + 64 * 1024 };

static char message[LARGEST];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Connects with AWS_LAMBDA_RUNTIME_API, which is HOST:PORT. */
static int connect_api(void)
{
    char host[256];
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    if (api == NULL || sscanf(api, "%255[^:]:", host) != 1 || strchr(api, ':') == NULL) {
        fprintf(stderr, "AWS_LAMBDA_RUNTIME_API is not HOST:PORT\n");
        exit(1);
    }
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    if (getaddrinfo(host, strchr(api, ':') + 1, &hints, &found) != 0) fail(api);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0) fail(api);
    freeaddrinfo(found);
    return fd;
}

/* Sends a request and takes the whole answer into `message`. Returns its body. */
static char *request(const char *method, const char *path, const char *body)
{
    int fd = connect_api();
    char head[512];
    int length = snprintf(head, sizeof head,
                          "%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: runtime\r\nConnection: close\r\n"
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                          method, path, strlen(body));
    if (write(fd, head, length) != length || write(fd, body, strlen(body)) != (ssize_t)strlen(body)) fail("write");
    size_t filled = 0;
    ssize_t count;
    while (filled < sizeof message - 1 && (count = read(fd, message + filled, sizeof message - 1 - filled)) > 0)
        filled += count;
    message[filled] = '\0';
    close(fd);
    char *end = strstr(message, "\r\n\r\n");
    if (end == NULL) fail("the Runtime API does not answer");
    return end + 4;
}

/* The value of a header of `message`. */
static void header(const char *name, char *value, size_t size)
{
    const char *at = strcasestr(message, name);
    *value = '\0';
    if (at == NULL) return;
    at += strlen(name) + strspn(at + strlen(name), ": ");
    snprintf(value, size, "%.*s", (int)strcspn(at, "\r\n"), at);
}

/* The string value of a key of a JSON object, as it is written there. */
static void string_of(const char *json, const char *key, char *value, size_t size)
{
    const char *at = strstr(json, key);
    if (at == NULL || (at = strchr(at + strlen(key), ':')) == NULL || (at = strchr(at, '"')) == NULL) return;
    snprintf(value, size, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
}

int main(void)
{
    for (;;) {
        const char *event = request("GET", "invocation/next", "");
        char id[128], name[128] = "World", path[256], answer[256];
        header("Lambda-Runtime-Aws-Request-Id", id, sizeof id);
        string_of(event, "\"name\"", name, sizeof name);
        snprintf(path, sizeof path, "invocation/%s/response", id);
        snprintf(answer, sizeof answer, "{\"message\":\"Hello, %s!\"}", name);
        request("POST", path, answer);
    }
}
