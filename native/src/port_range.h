// Local ports that a connection may be given.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

namespace udp_dsr {

// Since Linux 6.3 (linux/in.h); the headers of older systems lack it.
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

// Of IPv6 sockets, too, an option of level IP. 0 or -errno.
inline int SetLocalPortRange(int fd, uint32_t low, uint32_t high) {
  const uint32_t range = low | high << 16;
  return setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof range) < 0 ? -errno : 0;
}

}  // namespace udp_dsr
