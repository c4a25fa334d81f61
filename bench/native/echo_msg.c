// The unbatched reference: one recvmsg and one sendmsg per datagram, replying from the address asked.

#include <errno.h>

#include "pktinfo.h"
#include "server.h"

int main(void) {
  static uint8_t payload[SLOT_BYTES];
  int fd = open_server();

  while (!stopping) {
    struct sockaddr_in peer;
    control_buffer control;
    struct iovec vector = {.iov_base = payload, .iov_len = sizeof(payload)};
    struct msghdr message = {.msg_name = &peer,
                             .msg_namelen = sizeof(peer),
                             .msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t length = recvmsg(fd, &message, 0);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) fail("recvmsg");

    payload[0]++;
    vector.iov_len = (size_t)length;
    write_departure(&message, &control, read_arrival(&message).local, 0);
    message.msg_flags = 0;
    if (sendmsg(fd, &message, 0) < 0 && errno != EINTR) fail("sendmsg");
  }
  return 0;
}
