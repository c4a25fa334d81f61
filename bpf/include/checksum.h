/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The Internet checksum (RFC 1071), and what changes in it when a packet does (RFC 1624). Sums are of 16-bit
 * words in network order as they lie in memory; they may be gathered as 32-bit words in 64 bits, and are
 * folded last. */
#ifndef UDP_DSR_CHECKSUM_H
#define UDP_DSR_CHECKSUM_H

#include <linux/ip.h>

#include "bpf.h"

/* A sum in 16 bits. */
INLINE __u16 checksum_fold(__u64 sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (__u16)sum;
}

/* The field for a sum: its complement. */
INLINE __u16 checksum_of(__u64 sum) { return (__u16)~checksum_fold(sum); }

/* The field for a sum, where 0 means that there is none (UDP). */
INLINE __u16 checksum_not_zero(__u64 sum) {
  const __u16 checksum = checksum_of(sum);
  return checksum == 0 ? 0xffff : checksum;
}

INLINE __u64 checksum_add_address(__u64 sum, const __be32 address[4]) {
  return sum + address[0] + address[1] + address[2] + address[3];
}

/* The checksum of an IPv4 header without options whose own field is 0. */
INLINE __u16 checksum_ipv4(const struct iphdr* header) {
  const __u32* words = (const __u32*)(const void*)header;
  return checksum_of((__u64)words[0] + words[1] + words[2] + words[3] + words[4]);
}

/* Takes one from the TTL. */
INLINE void ipv4_decrement_ttl(struct iphdr* header) {
  const __u32 check = (__u32)header->check + NET16(0x0100);
  header->check = (__u16)(check + (check >= 0xffff));
  header->ttl--;
}

#endif
