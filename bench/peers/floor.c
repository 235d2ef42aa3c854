/*
 * The floor of a fan-out: one bare write() per recipient and turn, by C. What it costs is the kernel's price
 * for handing the bytes to that many connections one at a time; a server that does so cannot cost less.
 *
 * It serves bench/load.js and nobody else. The answer to the upgrade lacks Sec-WebSocket-Accept, which that client
 * does not check, and nothing that a client sends afterwards is read. floor.js starts it with the payload of a
 * message, and tells it what to do by lines on stdin, each of which is answered by a line:
 *
 *   publish N   writes N frames to every connection, as one buffer     done
 *   cpu         what getrusage() charged to this process, in µs        USER SYSTEM
 *
 * The first line of all is the port. At the end of stdin the process ends, so that it never outlives floor.js.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_BYTES 2
#define MAX_PAYLOAD_BYTES 125 /* that a header of two bytes can tell */
#define MAX_FRAMES 1000

/* The client takes the first frame as the server's hello: see `protocol: 'ws'` in websocket-client.js. */
static const char WELCOME[] = "HTTP/1.1 101 Switching Protocols\r\n"
                              "Upgrade: websocket\r\n"
                              "Connection: Upgrade\r\n\r\n"
                              "\x81\x05"
                              "hello";

static int *connections;
static size_t connection_count;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Connections block, so less than all is an error as well. */
static void write_all(int fd, const void *bytes, size_t length) {
  if (write(fd, bytes, length) != (ssize_t)length) fail("write");
}

static int listen_on_loopback(void) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (listener < 0) fail("socket");
  if (bind(listener, (struct sockaddr *)&address, size) < 0) fail("bind");
  if (listen(listener, 511) < 0) fail("listen"); /* as many as Node lets wait */
  if (getsockname(listener, (struct sockaddr *)&address, &size) < 0) fail("getsockname");
  printf("%d\n", ntohs(address.sin_port));
  return listener;
}

/* One connection after the other: the client sends its request as soon as it is connected. */
static void accept_client(int listener) {
  char request[2048];
  size_t length = 0;
  int on = 1;
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) fail("accept");
  do {
    ssize_t got = read(fd, request + length, sizeof request - 1 - length);
    if (got <= 0) fail("no upgrade");
    length += (size_t)got;
    request[length] = '\0';
  } while (strstr(request, "\r\n\r\n") == NULL);
  /* As Node's servers do for WebSockets. */
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) fail("TCP_NODELAY");
  write_all(fd, WELCOME, sizeof WELCOME - 1);
  connections = realloc(connections, (connection_count + 1) * sizeof *connections);
  if (connections == NULL) fail("realloc");
  connections[connection_count++] = fd;
}

static void publish(const char *payload, int count) {
  static char frames[MAX_FRAMES * (HEADER_BYTES + MAX_PAYLOAD_BYTES)];
  size_t payload_bytes = strlen(payload);
  size_t length = 0;
  for (int index = 0; index < count; index++) {
    frames[length++] = (char)0x81; /* final, text */
    frames[length++] = (char)payload_bytes;
    memcpy(frames + length, payload, payload_bytes);
    length += payload_bytes;
  }
  for (size_t index = 0; index < connection_count; index++) write_all(connections[index], frames, length);
  puts("done");
}

static void tell_cpu(void) {
  struct rusage use;
  if (getrusage(RUSAGE_SELF, &use) < 0) fail("getrusage");
  printf("%lld %lld\n", use.ru_utime.tv_sec * 1000000LL + use.ru_utime.tv_usec,
         use.ru_stime.tv_sec * 1000000LL + use.ru_stime.tv_usec);
}

/* floor.js waits for each answer, so what can be read is one command. */
static void obey(const char *payload) {
  char command[64];
  int count;
  ssize_t length = read(STDIN_FILENO, command, sizeof command - 1);
  if (length < 0) fail("stdin");
  if (length == 0) exit(0);
  command[length] = '\0';
  if (strcmp(command, "cpu\n") == 0) tell_cpu();
  else if (sscanf(command, "publish %d", &count) == 1 && count > 0 && count <= MAX_FRAMES) publish(payload, count);
  else {
    fprintf(stderr, "unknown command: %s", command);
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 2 || strlen(argv[1]) > MAX_PAYLOAD_BYTES) {
    fprintf(stderr, "usage: floor PAYLOAD, of at most %d bytes\n", MAX_PAYLOAD_BYTES);
    return 1;
  }
  signal(SIGPIPE, SIG_IGN); /* a lost client is write()'s error, with its message */
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  int listener = listen_on_loopback();
  struct pollfd awaited[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
  for (;;) {
    if (poll(awaited, 2, -1) < 0) fail("poll");
    if (awaited[1].revents) accept_client(listener);
    if (awaited[0].revents) obey(argv[1]);
  }
}
