#include "error_queue.h"

#include <cerrno>
#include <cstring>

namespace udp_dsr {

namespace {

// Transmit timestamps and zero-copy notices come here too, if an adopted socket has asked for them.
bool IsError(const sock_extended_err& detail) {
  return detail.ee_origin == SO_EE_ORIGIN_LOCAL || detail.ee_origin == SO_EE_ORIGIN_ICMP ||
         detail.ee_origin == SO_EE_ORIGIN_ICMP6;
}

// As TakeQueuedError, but the entry may be one without an error.
int TakeEntry(int fd, QueuedError* error) {
  *error = {};
  uint8_t payload[1];  // the datagram that failed comes back too; nobody wants it
  iovec piece = {payload, sizeof payload};
  alignas(cmsghdr) uint8_t control[512];
  msghdr header = {};
  header.msg_name = &error->destination;
  header.msg_namelen = sizeof error->destination;
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return errno == EAGAIN ? 0 : -errno;

  for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
    const bool is_ipv4 = at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR;
    const bool is_ipv6 = at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR;
    if (!is_ipv4 && !is_ipv6) continue;
    const size_t size = at->cmsg_len - CMSG_LEN(0);
    if (size < sizeof error->detail) continue;
    std::memcpy(&error->detail, CMSG_DATA(at), sizeof error->detail);
    size_t offender = size - sizeof error->detail;
    if (offender > sizeof error->offender) offender = sizeof error->offender;
    std::memcpy(&error->offender, CMSG_DATA(at) + sizeof error->detail, offender);
  }
  return 1;
}

}  // namespace

int TakeQueuedError(int fd, QueuedError* error) {
  int status;
  do {
    status = TakeEntry(fd, error);
  } while (status == 1 && !IsError(error->detail));
  return status;
}

}  // namespace udp_dsr
