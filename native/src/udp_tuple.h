// Connected UDP sockets that share local ports, each with a 4-tuple of its own.
//
// For UDP the kernel compares local ends only: sockets that are to share a port need SO_REUSEPORT or
// SO_REUSEADDR, and then nothing keeps two of them from connecting to the same peer, where the newer one
// takes every datagram from the older. So a socket asks first who owns the tuple (sock_diag(7)), and holds a
// lock while it asks, binds and connects: an abstract AF_UNIX name (unix(7)), which lives in the same network
// namespace and goes with the process that holds it.
#pragma once

#include "sockaddr.h"

namespace udp_dsr {

// Asks the kernel which UDP socket a datagram would reach. One netlink socket, opened on first use.
class UdpDiag {
 public:
  UdpDiag() = default;
  ~UdpDiag();
  UdpDiag(const UdpDiag&) = delete;
  UdpDiag& operator=(const UdpDiag&) = delete;

  // 1 when a socket at `local` is connected to `remote`, 0 when none is, or -errno: -EOPNOTSUPP where the
  // kernel has no udp_diag.
  int IsConnected(const SocketAddress& local, const SocketAddress& remote);

 private:
  int Open();
  int Ask(const SocketAddress& local, const SocketAddress& remote);
  bool FindsItself();

  int fd_ = -1;
};

// Opens a socket at `local`, whose port is not 0, connects it to `remote`, and drops what strangers sent
// before it was connected. Returns its descriptor, or -errno:
//   -EEXIST      a socket has this 4-tuple
//   -EADDRINUSE  a socket that does not share has the port
//   -EBUSY       somebody else has been opening a socket at `local` for `patience_ms`
int ClaimUdpTuple(UdpDiag* diag, const SocketAddress& local, const SocketAddress& remote,
                  uint32_t patience_ms);

// Opens a socket at an address, which has the port for itself: that of `local`, or when it is 0 one of the
// kernel's choice (in [low, high], unless low is 0), and connects it to `remote`. A descriptor, or -errno.
int OpenUdpExclusive(const SocketAddress& local, const SocketAddress& remote, uint32_t low, uint32_t high);

}  // namespace udp_dsr
