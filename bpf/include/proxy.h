/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* PROXY headers before the payload of datagrams. */
#ifndef UDP_DSR_PROXY_H
#define UDP_DSR_PROXY_H

#include "bpf.h"

/* PROXY protocol version 2 (proxy-protocol.txt §2.2): the header up to the addresses, and its constant parts.
 */
struct proxy_header {
  __be32 signature[3];
  __u8 command; /* version 2, PROXY */
  __u8 family;  /* and transport: DGRAM */
  __be16 length;
};
#define PROXY_SIGNATURE_0 NET32(0x0d0a0d0a)
#define PROXY_SIGNATURE_1 NET32(0x000d0a51)
#define PROXY_SIGNATURE_2 NET32(0x5549540a)
enum { PROXY_COMMAND = 0x21, PROXY_INET_DGRAM = 0x12, PROXY_INET6_DGRAM = 0x22 };

struct proxy_ipv4 {
  struct proxy_header header;
  __be32 client;
  __be32 local;
  __be16 client_port;
  __be16 local_port;
};

struct proxy_ipv6 {
  struct proxy_header header;
  __be32 client[4];
  __be32 local[4];
  __be16 client_port;
  __be16 local_port;
};

INLINE void write_proxy_header(struct proxy_header* header, __u8 family, __u16 addresses) {
  header->signature[0] = PROXY_SIGNATURE_0;
  header->signature[1] = PROXY_SIGNATURE_1;
  header->signature[2] = PROXY_SIGNATURE_2;
  header->command = PROXY_COMMAND;
  header->family = family;
  header->length = NET16(addresses);
}

/* Sum of a PROXY header's words but for addresses and ports. */
INLINE __u64 proxy_sum(__u8 family, __u16 addresses) {
  return (__u64)PROXY_SIGNATURE_0 + PROXY_SIGNATURE_1 + PROXY_SIGNATURE_2 +
         NET16((__u16)(PROXY_COMMAND << 8 | family)) + NET16(addresses);
}

#endif
