// The other side of the connections that are measured: accepts TCP connections and keeps each until its
// client closes it.
//
//   connect_sink [--http] [--sockets N]
//
// Prints "ready PORT". With --http it answers the first packet of each connection with 200 and closes it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common.h"
#include "connect_tables.h"

// Outside of the range of local ports that is measured.
enum { PORT = 443, EVENTS = 256, BACKLOG = 65535 };

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

struct sink {
  int listener;
  int http;
};

static void watch(int epoll, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

// A table that is full leaves the rest to the others until it has room again.
static uint32_t accept_all(const struct sink* sink, int epoll, uint32_t room) {
  uint32_t accepted = 0;
  for (; accepted < room; accepted++) {
    int fd = accept4(sink->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) break;
      fail("accept4");
    }
    watch(epoll, fd, EPOLLIN | EPOLLRDHUP);
  }
  return accepted;
}

// Whether the connection is over.
static int serve(int fd, int http) {
  char buffer[4096];
  ssize_t length = read(fd, buffer, sizeof(buffer));
  if (length > 0 && http && write(fd, answer, sizeof(answer) - 1) < 0 && errno != ECONNRESET &&
      errno != EPIPE)
    fail("write");
  return http ? length >= 0 || errno != EAGAIN : length == 0 || (length < 0 && errno != EAGAIN);
}

static void keep_connections(struct table* table, void* argument) {
  const struct sink* sink = argument;
  int epoll = epoll_create1(EPOLL_CLOEXEC), listening = 0;
  if (epoll < 0) fail("epoll_create1");
  for (;;) {
    if (!listening && table->count < table->capacity - EVENTS) {
      watch(epoll, sink->listener, EPOLLIN);
      listening = 1;
    }
    struct epoll_event events[EVENTS];
    // Without sleeping: on a virtual machine, waking a core costs the client more than all of its connect(2).
    int ready = epoll_wait(epoll, events, EVENTS, 0);
    if (ready == 0) sched_yield();
    for (int i = 0; i < ready; i++) {
      if (events[i].data.fd == sink->listener) {
        table->count += accept_all(sink, epoll, table->capacity - table->count);
      } else if (serve(events[i].data.fd, sink->http)) {
        close(events[i].data.fd);
        table->count--;
      }
    }
    if (listening && table->count == table->capacity) {
      epoll_ctl(epoll, EPOLL_CTL_DEL, sink->listener, NULL);
      listening = 0;
    }
  }
}

static int listen_at(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (fd < 0) fail("socket");
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
  if (bind(fd, (struct sockaddr*)&address, sizeof(address)) != 0) fail("bind");
  if (listen(fd, BACKLOG) != 0) fail("listen");
  return fd;
}

int main(int argc, char** argv) {
  uint32_t sockets = 65536;
  struct sink sink = {0};
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--http") == 0) sink.http = 1;
    if (strcmp(argv[i], "--sockets") == 0 && i + 1 < argc) sockets = (uint32_t)strtoul(argv[++i], NULL, 10);
  }
  signal(SIGPIPE, SIG_IGN);
  sink.listener = listen_at(PORT);
  // One more than enough: a table takes no more a little before it is full.
  struct tables tables = start_tables(sockets + table_capacity() / 2);
  for (uint32_t i = 0; i < tables.length; i++) {
    tables.items[i].job = keep_connections;
    tables.items[i].argument = &sink;
    sem_post(&tables.items[i].work);
  }
  printf("ready %d\n", PORT);
  fflush(stdout);
  for (;;) pause();
}
