#include "connect_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

// Older C libraries' headers lack them; the values are the kernel's (linux/in.h).
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

static int new_socket(const struct route* route) {
  int fd = socket(AF_INET, route->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  return fd;
}

static int bind_to(int fd, const struct route* route, uint16_t port) {
  struct sockaddr_in local = route->source;
  local.sin_port = htons(port);
  return bind(fd, (const struct sockaddr*)&local, sizeof(local));
}

// Of no use to others: the socket's port is chosen within low to high when it connects.
static void choose_between(int fd, const struct route* route, uint16_t low, uint16_t high) {
  set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, "IP_BIND_ADDRESS_NO_PORT");
  set_option(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)((uint32_t)high << 16 | low), "IP_LOCAL_PORT_RANGE");
  if (bind_to(fd, route, 0) != 0) fail("bind");
}

// Whether nobody else has the port or, with all ports, whether there is one left. Other failures end the
// program.
static int took_port(int status, const char* call) {
  if (status == 0 || errno == EINPROGRESS) return 1;
  if (errno == EADDRNOTAVAIL || errno == EADDRINUSE || errno == EAGAIN) return 0;
  fail(call);
}

static int connect_socket(int fd, const struct route* route, uint32_t* nanoseconds) {
  uint64_t before = now_ns();
  int status = connect(fd, (const struct sockaddr*)&route->destination, sizeof(route->destination));
  int taken = took_port(status, "connect");
  *nanoseconds = (uint32_t)(now_ns() - before);
  return taken;
}

// Makes the socket ready to connect. `port`: of our list, or any.
static int prepare(const struct opener* opener, int fd, uint16_t port) {
  const struct route* route = &opener->route;
  switch (opener->way) {
    case WAY_DEFAULT:
      return 1;
    case WAY_BIND:
      return took_port(bind_to(fd, route, port), "bind");
    case WAY_REUSE:
    case WAY_REPEAT:
      set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
      return took_port(bind_to(fd, route, port), "bind");
    case WAY_WINDOW: {
      uint16_t first = (uint16_t)(route->low + random_below(route->high - route->low + 2u - opener->window));
      choose_between(fd, route, first, (uint16_t)(first + opener->window - 1));
      return 1;
    }
    case WAY_FULL:
      choose_between(fd, route, route->low, route->high);
      return 1;
    case WAY_EXACT:
      choose_between(fd, route, port, port);
      return 1;
    case WAY_SHARED:
      set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT");
      return took_port(bind_to(fd, route, port), "bind");
  }
  abort();
}

static int has_list(enum way way) { return way == WAY_EXACT || way == WAY_SHARED; }

static uint16_t propose(const struct opener* opener) {
  if (has_list(opener->way)) return free_ports_take(opener->free);
  const struct route* route = &opener->route;
  return opener->way == WAY_REPEAT ? (uint16_t)(route->low + random_below(route->high - route->low + 1u)) : 0;
}

// How often it is tried again with other ports. The kernel has looked at all when it says that there is none.
static unsigned attempts_of(enum way way) {
  return way == WAY_DEFAULT || way == WAY_BIND || way == WAY_REUSE || way == WAY_FULL ? 1 : MAX_ATTEMPTS;
}

static uint16_t port_of(int fd) {
  struct sockaddr_in local;
  socklen_t length = sizeof(local);
  if (getsockname(fd, (struct sockaddr*)&local, &length) != 0) fail("getsockname");
  return ntohs(local.sin_port);
}

struct opened open_socket(const struct opener* opener) {
  struct opened result = {.fd = -1};
  uint64_t before = now_ns();
  for (unsigned left = attempts_of(opener->way); left > 0; left--) {
    uint16_t port = propose(opener);
    if (port == 0 && has_list(opener->way)) break;
    int fd = new_socket(&opener->route);
    if (prepare(opener, fd, port) && connect_socket(fd, &opener->route, &result.connect_ns)) {
      result.fd = fd;
      break;
    }
    close(fd);
    if (has_list(opener->way)) free_ports_put(opener->free, port);
    result.refused++;
  }
  result.total_ns = (uint32_t)(now_ns() - before);
  if (result.fd >= 0) result.port = port_of(result.fd);
  return result;
}

int open_at(const struct opener* opener, uint16_t port) {
  struct opener at = *opener;
  if (at.way == WAY_DEFAULT || at.way == WAY_WINDOW || at.way == WAY_FULL) at.way = WAY_EXACT;
  int fd = new_socket(&at.route);
  uint32_t unused;
  if (prepare(&at, fd, port) && connect_socket(fd, &at.route, &unused)) return fd;
  close(fd);
  return -1;
}

void close_in_order(const struct opener* opener, int fd, uint16_t port) {
  close(fd);
  if (has_list(opener->way)) free_ports_put(opener->free, port);
}

void close_at_once(const struct opener* opener, int fd, uint16_t port) {
  struct linger at_once = {.l_onoff = 1};
  if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) != 0) fail("SO_LINGER");
  close_in_order(opener, fd, port);
}
