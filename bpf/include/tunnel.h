/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What the end of a tunnel does with the packet inside. */
#ifndef UDP_DSR_TUNNEL_H
#define UDP_DSR_TUNNEL_H

#include "checksum.h"
#include "parsing.h"

/* The two bits of congestion notification (RFC 3168 §5). */
enum { ECN_NOT_ECT = 0, ECN_ECT_1 = 1, ECN_ECT_0 = 2, ECN_CE = 3 };

/* What the inner packet's bits become out of a tunnel (RFC 6040 §4.2); -1: congestion that cannot be told to
 * it. */
INLINE int ecn_out_of_tunnel(__u8 outer, __u8 inner) {
  if (outer == ECN_CE) return inner == ECN_NOT_ECT ? -1 : ECN_CE;
  return outer == ECN_ECT_1 && inner == ECN_ECT_0 ? ECN_ECT_1 : inner;
}

/* Tells the inner packet what its tunnel saw of congestion, from the outer TOS octet or traffic class. 0: it
 * cannot be told, and the packet is to be dropped. */
INLINE int take_over_mark(void* ip, __u8 version, __u8 outer) {
  const __u8 mask = 3;
  /* Only these two can change anything. */
  if (likely((outer & 1) == 0)) return 1;
  if (version == 4) {
    struct iphdr* header = ip;
    const int mark = ecn_out_of_tunnel(outer & mask, header->tos & mask);
    if (mark < 0) return 0;
    const __u8 tos = (header->tos & ~mask) | (__u8)mark;
    header->check = checksum_of((__u64)(__u16)~header->check + (__u16)~NET16(header->tos) + NET16(tos));
    header->tos = tos;
    return 1;
  }
  struct ipv6hdr* header = ip;
  const int mark = ecn_out_of_tunnel(outer & mask, header->flow_lbl[0] >> 4 & mask);
  if (mark < 0) return 0;
  header->flow_lbl[0] = (__u8)((header->flow_lbl[0] & ~(mask << 4)) | mark << 4);
  return 1;
}

#endif
