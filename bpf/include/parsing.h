/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The headers of a packet, one behind the other. Parsers say where the next header begins, as an offset from
 * the start of the packet, and return 0 when the packet is not of their kind, or ends too early. */
#ifndef UDP_DSR_PARSING_H
#define UDP_DSR_PARSING_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "bpf.h"

/* Tag of IEEE 802.1Q: control information and the type of what follows. */
struct vlan_header {
  __be16 tci;
  __be16 protocol;
};

/* Tags that are looked through: one of the provider (802.1ad) and one of the customer. */
#define VLAN_TAGS 2

/* Extension headers that are looked through (RFC 8200 §4.1 knows four that may stand before UDP). */
#define IPV6_EXTENSIONS 4

/* Bits of iphdr.frag_off. */
#define IPV4_MORE_FRAGMENTS NET16(0x2000)
#define IPV4_FRAGMENT NET16(0x3fff) /* more to come, or not the first */
#define IPV4_OFFSET NET16(0x1fff)
#define IPV4_DONT_FRAGMENT NET16(0x4000)

/* IPv6's extension headers (RFC 8200 §4), by what the header before says. */
enum {
  IPV6_HOP_BY_HOP = 0,
  IPV6_ROUTING = 43,
  IPV6_FRAGMENT = 44,
  IPV6_ICMP = 58,
  IPV6_DESTINATION = 60,
};

struct ipv6_extension {
  __u8 next;
  __u8 length; /* in units of 8 bytes, less one */
};

struct ipv6_fragment {
  __u8 next;
  __u8 reserved;
  __be16 offset; /* in units of 8 bytes in the upper 13 bits; the lowest: more fragments follow */
  __be32 id;
};

#define IPV6_FRAGMENT_BITS NET16(0xfff9)

/* ICMP (RFC 792) and ICMPv6 (RFC 4443) begin alike. The kernel's own headers for them need a C library. */
struct icmp_header {
  __u8 type;
  __u8 code;
  __u16 checksum;
  __be16 rest[2];
};

enum icmp_type {
  ICMP_ECHO_REPLY = 0,
  ICMP_UNREACHABLE = 3,
  ICMP_ECHO_REQUEST = 8,
  ICMP_TIME_EXCEEDED = 11,
  ICMP_PARAMETER_PROBLEM = 12,
  ICMP_FRAGMENTATION_NEEDED = 4, /* a code of ICMP_UNREACHABLE */
};

enum icmpv6_type {
  ICMPV6_UNREACHABLE = 1,
  ICMPV6_TOO_BIG = 2,
  ICMPV6_TIME_EXCEEDED = 3,
  ICMPV6_PARAMETER_PROBLEM = 4,
  ICMPV6_ECHO_REQUEST = 128,
  ICMPV6_ECHO_REPLY = 129,
};

/* In two steps, where the compiler, which knows of no alignment, would take six: the machines that the
 * programs run on read words at any address. */
INLINE void copy_mac(void* to, const void* from) {
  *(__u32*)to = *(const __u32*)from;
  *(__u16*)(to + 4) = *(const __u16*)(from + 4);
}

/* The same to or from the stack, where the verifier wants words to be aligned. */
INLINE void copy_mac_of_stack(void* to, const void* from) {
  const __u16* halves = from;
  UNROLL
  for (int i = 0; i < 3; i++) ((__u16*)to)[i] = halves[i];
}

/* The field h_proto in one step: `struct ethhdr` is packed, so the compiler takes its bytes one by one. */
INLINE __be16* ethernet_type(const struct ethhdr* ethernet) {
  return (__be16*)((void*)ethernet + __builtin_offsetof(struct ethhdr, h_proto));
}

/* Up to two tags. Returns the offset of the network header, and its protocol as in `ethhdr`. */
INLINE __u32 parse_ethernet(const void* data, const void* end, __be16* protocol) {
  const struct ethhdr* ethernet = data;
  if ((const void*)(ethernet + 1) > end) return 0;
  __be16 next = *ethernet_type(ethernet);
  __u32 offset = sizeof *ethernet;
  UNROLL
  for (int i = 0; i < VLAN_TAGS; i++) {
    if (likely(next != NET16(ETH_P_8021Q) && next != NET16(ETH_P_8021AD))) break;
    const struct vlan_header* tag = data + offset;
    if ((const void*)(tag + 1) > end) return 0;
    next = tag->protocol;
    offset += sizeof *tag;
  }
  *protocol = next;
  return offset;
}

/* An IPv4 packet at `offset`, with options or without. Returns where its payload begins. */
INLINE __u32 parse_ipv4(const void* data, const void* end, __u32 offset, const struct iphdr** header) {
  const struct iphdr* ip = data + offset;
  if ((const void*)(ip + 1) > end) return 0;
  const __u32 length = ip->ihl * 4u;
  if (ip->version != 4 || length < sizeof *ip || HOST16(ip->tot_len) < length) return 0;
  if (data + offset + HOST16(ip->tot_len) > end) return 0;
  *header = ip;
  return offset + length;
}

/* An IPv6 packet at `offset`, whose extension headers are passed by. Returns where what `next` names begins:
 * UDP, ICMP, or a header that is not looked through. `fragment`: it is a part of a larger packet. */
INLINE __u32 parse_ipv6(const void* data, const void* end, __u32 offset, const struct ipv6hdr** header,
                        __u8* next, int* fragment) {
  const struct ipv6hdr* ip = data + offset;
  if ((const void*)(ip + 1) > end) return 0;
  if (ip->version != 6) return 0;
  if (data + offset + sizeof *ip + HOST16(ip->payload_len) > end) return 0;
  *header = ip;
  *fragment = 0;
  __u8 kind = ip->nexthdr;
  __u32 at = offset + sizeof *ip;
  UNROLL
  for (int i = 0; i < IPV6_EXTENSIONS; i++) {
    if (likely(kind == IPPROTO_UDP || kind == IPV6_ICMP)) break;
    if (kind == IPV6_FRAGMENT) {
      const struct ipv6_fragment* part = data + at;
      if ((const void*)(part + 1) > end) return 0;
      kind = part->next;
      at += sizeof *part;
      /* An atomic fragment (RFC 6946) is a whole packet. */
      if ((part->offset & IPV6_FRAGMENT_BITS) == 0) continue;
      *fragment = 1;
      break;
    }
    if (kind != IPV6_HOP_BY_HOP && kind != IPV6_ROUTING && kind != IPV6_DESTINATION) break;
    const struct ipv6_extension* extension = data + at;
    if ((const void*)(extension + 1) > end) return 0;
    kind = extension->next;
    at += (extension->length + 1u) * 8u;
  }
  *next = kind;
  return at;
}

#endif
