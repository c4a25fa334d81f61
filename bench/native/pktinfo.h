// The local address of a datagram: read from a received message, written to a reply (ip(7), IP_PKTINFO).
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "common.h"

// Room for IP_PKTINFO and one int (UDP_GRO when received, UDP_SEGMENT when sent).
enum { CONTROL_BYTES = CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(int)) };

typedef union {
  char bytes[CONTROL_BYTES];
  struct cmsghdr align;
} control_buffer;

// What the kernel said about one received message.
struct arrival {
  struct in_addr local;
  int segment_bytes;  // datagram size inside a UDP_GRO aggregate; 0 for a lone datagram
};

static inline struct arrival read_arrival(struct msghdr* header) {
  struct arrival arrival = {0};
  for (struct cmsghdr* item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
    if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
      // ipi_spec_dst, not ipi_addr: the two differ for multicast and broadcast, where only this may be a
      // source.
      arrival.local = ((struct in_pktinfo*)CMSG_DATA(item))->ipi_spec_dst;
    } else if (item->cmsg_level == IPPROTO_UDP && item->cmsg_type == UDP_GRO) {
      memcpy(&arrival.segment_bytes, CMSG_DATA(item), sizeof(int));
    }
  }
  return arrival;
}

// Makes `header` leave from `local`, cut into datagrams of `segment_bytes` when that is not 0.
static inline void write_departure(struct msghdr* header, control_buffer* control, struct in_addr local,
                                   int segment_bytes) {
  struct cmsghdr* item = (struct cmsghdr*)control->bytes;
  item->cmsg_level = IPPROTO_IP;
  item->cmsg_type = IP_PKTINFO;
  item->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
  struct in_pktinfo* info = (struct in_pktinfo*)CMSG_DATA(item);
  *info = (struct in_pktinfo){.ipi_spec_dst = local};
  header->msg_control = control->bytes;
  header->msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo));
  if (segment_bytes == 0) return;

  item = (struct cmsghdr*)(control->bytes + CMSG_SPACE(sizeof(struct in_pktinfo)));
  item->cmsg_level = IPPROTO_UDP;
  item->cmsg_type = UDP_SEGMENT;
  item->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  uint16_t segment = (uint16_t)segment_bytes;
  memcpy(CMSG_DATA(item), &segment, sizeof(segment));
  header->msg_controllen += CMSG_SPACE(sizeof(uint16_t));
}
