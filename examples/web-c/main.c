/* A web function in C: an HTTP server on plain sockets, one request at a time. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 28\r\nConnection: close\r\n\r\n"
    "Hello from C on a unikernel!";

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

int main(void)
{
    const char *port = getenv("PORT");
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port == NULL ? 8080 : atoi(port)),
        .sin_addr.s_addr = htonl(INADDR_ANY),
    };
    int server = socket(AF_INET, SOCK_STREAM, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (listen(server, 128) < 0) fail("listen");
    for (;;) {
        int client = accept(server, NULL, NULL);
        if (client < 0) fail("accept");
        char request[8192];
        size_t filled = 0;
        ssize_t count;
        /* The end of the head is an empty line. */
        while ((count = read(client, request + filled, sizeof request - 1 - filled)) > 0) {
            filled += count;
            request[filled] = '\0';
            if (strstr(request, "\r\n\r\n") != NULL || filled == sizeof request - 1) break;
        }
        if (filled > 0 && write(client, answer, sizeof answer - 1) < 0) perror("write");
        close(client);
    }
}
