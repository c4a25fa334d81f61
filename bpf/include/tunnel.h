/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Both ends of a tunnel: the headers that one puts before a packet, and what the other does with the packet
 * inside. */
#ifndef UDP_DSR_TUNNEL_H
#define UDP_DSR_TUNNEL_H

#include "address.h"
#include "checksum.h"
#include "parsing.h"

/* TTL and hop limit of headers that are made here (RFC 1700's default). */
#define OUTER_TTL 64

/* An outer IPv4 header. RFC 2003 §3.1 lets a tunnel set DF whatever the inner packet says: what is
 * too big was refused before, and with DF the identification may be 0 (RFC 6864 §4.1). */
INLINE void write_ipv4(struct iphdr* ip, __be32 source, __be32 destination, __u8 tos, __u8 protocol,
                       __u32 length) {
  memset(ip, 0, sizeof *ip);
  ip->version = 4;
  ip->ihl = sizeof *ip / 4;
  ip->tos = tos;
  ip->tot_len = NET16((__u16)length);
  ip->frag_off = IPV4_DONT_FRAGMENT;
  ip->ttl = OUTER_TTL;
  ip->protocol = protocol;
  ip->saddr = source;
  ip->daddr = destination;
  ip->check = checksum_ipv4(ip);
}

/* The flow label spreads tunnels over paths (RFC 6438). `length` is that of what follows. */
INLINE void write_ipv6(struct ipv6hdr* ip, const __be32 source[4], const __be32 destination[4], __u8 tos,
                       __u8 next, __u32 length, __u32 hash) {
  const __be32 first = NET32(6u << 28 | (__u32)tos << 20 | (hash & 0xfffff));
  memcpy(ip, &first, sizeof first);
  ip->payload_len = NET16((__u16)length);
  ip->nexthdr = next;
  ip->hop_limit = OUTER_TTL;
  copy_address((__be32*)&ip->saddr, source);
  copy_address((__be32*)&ip->daddr, destination);
}

/* Spreads what goes into one tunnel over queues and paths: a port of the ephemeral range (RFC 6335 §6). */
INLINE __be16 tunnel_port(__u32 hash) { return NET16((__u16)(0xc000 | hash >> 18)); }

/* The UDP header of GUE. `length` is its own and that of what follows. */
INLINE void write_gue(struct udphdr* udp, __u32 hash, __be16 port, __u32 length) {
  udp->source = tunnel_port(hash);
  udp->dest = port;
  udp->len = NET16((__u16)length);
  udp->check = 0; /* allowed for tunnels over IPv6, too (RFC 6935) */
}

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
