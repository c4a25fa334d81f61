// The socket's error queue (IP_RECVERR, IPV6_RECVERR; ip(7)): ICMP errors that came back for sent datagrams.
#pragma once

#include <time.h>  // linux/errqueue.h uses timespec without declaring it

#include <linux/errqueue.h>

#include "sockaddr.h"

namespace udp_dsr {

struct QueuedError {
  sock_extended_err detail;
  SocketAddress destination;  // where the failed datagram went
  SocketAddress offender;     // who sent the ICMP message; family AF_UNSPEC when unknown
};

// Takes the oldest entry. Returns 1, 0 when the queue is empty, or -errno.
int TakeQueuedError(int fd, QueuedError* error);

}  // namespace udp_dsr
