// One outgoing socket, opened in each of the ways that there are to come by a local port.
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include "connect_free.h"

enum way {
  WAY_DEFAULT,  // connect: the kernel chooses, from its own range
  WAY_BIND,     // bind(source, 0), connect: a port is reserved before the destination is known
  WAY_REUSE,    // the same with SO_REUSEADDR, as libuv does it
  WAY_REPEAT,   // "select, test, repeat": any port, SO_REUSEADDR, bind, connect; again when it is taken
  WAY_WINDOW,   // IP_LOCAL_PORT_RANGE of some ports that begins anywhere; again when all are taken
  WAY_FULL,     // IP_LOCAL_PORT_RANGE of the whole range
  WAY_EXACT,    // IP_LOCAL_PORT_RANGE of one port, from a list of those that we do not use
  WAY_SHARED,   // UDP: bind(source, port) with SO_REUSEPORT, from the same list
};

struct route {
  int type;  // SOCK_STREAM or SOCK_DGRAM
  struct sockaddr_in source, destination;
  uint16_t low, high;
};

struct opener {
  struct route route;
  enum way way;
  unsigned window;
  struct free_ports* free;  // for WAY_EXACT and WAY_SHARED
};

struct opened {
  int fd;  // −1: no port after all attempts
  uint16_t port;
  unsigned refused;     // attempts that found no port
  uint32_t total_ns;    // everything until connect(2) is back, refused attempts included
  uint32_t connect_ns;  // connect(2) alone, of the attempt that succeeded
};

// Attempts until an opening counts as failed.
enum { MAX_ATTEMPTS = 20000 };

struct opened open_socket(const struct opener* opener);

// Opens a socket at a given port as the way would have done it; −1 when that is not possible.
int open_at(const struct opener* opener, uint16_t port);

// Gives up the port at once: TCP resets the connection, and no TIME_WAIT is left on either side.
void close_at_once(const struct opener* opener, int fd, uint16_t port);

// Closes as programs do: FIN, and TIME_WAIT where the kernel sees fit.
void close_in_order(const struct opener* opener, int fd, uint16_t port);
