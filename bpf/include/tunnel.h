/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What the end of a tunnel does with the packet inside. */
#ifndef UDP_DSR_TUNNEL_H
#define UDP_DSR_TUNNEL_H

#include "checksum.h"
#include "parsing.h"

/* Whether an outer congestion mark can be told to the inner packet; then it is (RFC 6040 §4.2). */
INLINE int take_over_mark(void* ip, __u8 version, __u8 outer) {
  const __u8 marked = 3;
  if (likely((outer & 3) != marked)) return 1;
  if (version == 4) {
    struct iphdr* header = ip;
    if ((header->tos & 3) == 0) return 0;
    const __u8 tos = header->tos | marked;
    header->check = checksum_of((__u64)(__u16)~header->check + (__u16)~NET16(header->tos) + NET16(tos));
    header->tos = tos;
    return 1;
  }
  struct ipv6hdr* header = ip;
  if ((header->flow_lbl[0] & 0x30) == 0) return 0;
  header->flow_lbl[0] |= marked << 4;
  return 1;
}

#endif
