// The socket of the C echo servers.
#pragma once

#include <arpa/inet.h>

#include "common.h"

// A UDP socket on the wildcard address and a port of the kernel's choice, which it prints as "ready PORT".
static inline int open_server(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES, "SO_RCVBUF");
  set_option(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES, "SO_SNDBUF");
  set_option(fd, IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO");

  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof(address);
  if (bind(fd, (struct sockaddr*)&address, length) != 0) fail("bind");
  if (getsockname(fd, (struct sockaddr*)&address, &length) != 0) fail("getsockname");
  stop_on_sigterm();
  printf("ready %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}
