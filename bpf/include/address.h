/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Addresses as all maps have them: four words in network order, IPv4 as v4-mapped IPv6. */
#ifndef UDP_DSR_ADDRESS_H
#define UDP_DSR_ADDRESS_H

#include "bpf.h"

/* ::ffff:0:0/96 (RFC 4291 §2.5.5.2), third word. */
#define V4_MAPPED NET32(0x0000ffff)

INLINE void map_address(__be32 to[4], __be32 ipv4) {
  to[0] = 0;
  to[1] = 0;
  to[2] = V4_MAPPED;
  to[3] = ipv4;
}

INLINE void copy_address(__be32 to[4], const __be32 from[4]) {
  to[0] = from[0];
  to[1] = from[1];
  to[2] = from[2];
  to[3] = from[3];
}

INLINE int is_mapped(const __be32 address[4]) {
  return address[2] == V4_MAPPED && address[0] == 0 && address[1] == 0;
}

/* What an array map has where there is nothing. */
INLINE int is_unspecified(const __be32 address[4]) {
  return (address[0] | address[1] | address[2] | address[3]) == 0;
}

#endif
