/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What an edge put around a packet, and whether it is to be undone. */
#ifndef UDP_DSR_BACKEND_WRAPPED_H
#define UDP_DSR_BACKEND_WRAPPED_H

#include "address.h"
#include "maps.h"
#include "parsing.h"
#include "proxy.h"

enum wrapping {
  WRAPPING_NONE,
  WRAPPING_IPIP,  /* a packet in a packet */
  WRAPPING_GUE,   /* the same in UDP */
  WRAPPING_PROXY, /* the payload of a datagram, whose addresses lie in a PROXY header */
};

/* A packet around another one. */
struct wrapped {
  __be32 from[4];
  __be32 to[4];
  __u32 link;    /* bytes before its IP header */
  __u32 udp;     /* offset of its UDP header */
  __u32 inner;   /* offset of what it carries: a packet, or behind a PROXY header the payload */
  __u32 length;  /* bytes of the IP packet */
  __u8 wrapping; /* enum wrapping */
  __u8 version;  /* of its IP header */
  __u8 carried;  /* version of what it carries */
  __u8 protocol; /* what its header says is inside: an IP version's number, or UDP */
  __u8 tos;
  __u8 ttl;
  __u8 fragment;  /* a part of a larger packet */
  __u8 later;     /* not the first part: it has no UDP header */
  __u32 edge;     /* number of its sender */
  __u32 endpoint; /* number of its destination */
};

/* A PROXY header behind the UDP header: one that an edge makes, without TLVs. */
INLINE int read_proxy(const void* data, const void* end, struct wrapped* packet) {
  const __u32 at = packet->udp + sizeof(struct udphdr);
  const struct proxy_header* header = data + at;
  if ((const void*)(header + 1) > end) return WRAPPING_NONE;
  if (header->signature[0] != PROXY_SIGNATURE_0 || header->signature[1] != PROXY_SIGNATURE_1 ||
      header->signature[2] != PROXY_SIGNATURE_2 || header->command != PROXY_COMMAND) {
    return WRAPPING_NONE;
  }
  if (header->family == PROXY_INET_DGRAM &&
      header->length == NET16(sizeof(struct proxy_ipv4) - sizeof *header)) {
    packet->carried = 4;
    packet->inner = at + sizeof(struct proxy_ipv4);
  } else if (header->family == PROXY_INET6_DGRAM &&
             header->length == NET16(sizeof(struct proxy_ipv6) - sizeof *header)) {
    packet->carried = 6;
    packet->inner = at + sizeof(struct proxy_ipv6);
  } else {
    return WRAPPING_NONE;
  }
  return WRAPPING_PROXY;
}

/* What follows an IP header, if it can be an edge's. `at` is where it begins. */
INLINE int read_wrapping(const void* data, const void* end, __u32 at, struct wrapped* packet) {
  packet->inner = at;
  if (packet->protocol == IPPROTO_IPIP || packet->protocol == IPPROTO_IPV6) {
    return settings.ipip ? WRAPPING_IPIP : WRAPPING_NONE;
  }
  if (packet->protocol != IPPROTO_UDP || packet->later || !(settings.gue || settings.proxy)) {
    return WRAPPING_NONE;
  }
  const struct udphdr* udp = data + at;
  if ((const void*)(udp + 1) > end) return WRAPPING_NONE;
  packet->udp = at;
  if (settings.gue && udp->dest == settings.gue_port) {
    packet->inner += sizeof *udp;
    return WRAPPING_GUE;
  }
  return settings.proxy && !packet->fragment ? read_proxy(data, end, packet) : WRAPPING_NONE;
}

/* The packet whose IP header lies behind `packet->link`; `packet->wrapping` says what it came to be. */
INLINE void read_wrapped(const void* data, const void* end, __be16 protocol, struct wrapped* packet) {
  if (protocol == NET16(ETH_P_IP)) {
    const struct iphdr* ip;
    const __u32 at = parse_ipv4(data, end, packet->link, &ip);
    if (at == 0) return;
    packet->version = 4;
    packet->protocol = ip->protocol;
    packet->tos = ip->tos;
    packet->ttl = ip->ttl;
    packet->length = HOST16(ip->tot_len);
    packet->fragment = (ip->frag_off & IPV4_FRAGMENT) != 0;
    packet->later = (ip->frag_off & IPV4_OFFSET) != 0;
    map_address(packet->from, ip->saddr);
    map_address(packet->to, ip->daddr);
    packet->wrapping = (__u8)read_wrapping(data, end, at, packet);
  } else if (protocol == NET16(ETH_P_IPV6)) {
    const struct ipv6hdr* ip = data + packet->link;
    /* An edge makes no extension headers. */
    if ((const void*)(ip + 1) > end || ip->version != 6) return;
    packet->version = 6;
    packet->protocol = ip->nexthdr;
    packet->tos = (__u8)(ip->priority << 4 | ip->flow_lbl[0] >> 4);
    packet->ttl = ip->hop_limit;
    packet->length = HOST16(ip->payload_len) + sizeof *ip;
    memcpy(packet->from, &ip->saddr, sizeof packet->from);
    memcpy(packet->to, &ip->daddr, sizeof packet->to);
    packet->wrapping = (__u8)read_wrapping(data, end, packet->link + sizeof *ip, packet);
  }
}

/* The version of the packet inside; 0 when there is none that fits, or not the one that was announced. */
INLINE __u8 inner_version(const void* at, const void* end, const struct wrapped* packet) {
  const struct iphdr* ip = at;
  if ((const void*)(ip + 1) > end) return 0;
  const __u32 room = packet->link + packet->length - packet->inner;
  if (ip->version == 4 && packet->protocol != IPPROTO_IPV6) {
    const __u32 length = HOST16(ip->tot_len);
    return ip->ihl >= sizeof *ip / 4 && length >= ip->ihl * 4u && length <= room ? 4 : 0;
  }
  if (ip->version == 6 && packet->protocol != IPPROTO_IPIP) {
    const struct ipv6hdr* header = at;
    if ((const void*)(header + 1) > end) return 0;
    return HOST16(header->payload_len) + sizeof *header <= room ? 6 : 0;
  }
  return 0;
}

/* Whether a datagram with a PROXY header is whole, and can lose it. */
INLINE int is_proxied(const void* data, const void* end, const struct wrapped* packet) {
  const struct udphdr* udp = data + (packet->udp & 0xff); /* which it is, by far: for the verifier */
  if ((const void*)(udp + 1) > end) return 0;
  if (packet->link + packet->length != packet->udp + HOST16(udp->len)) return 0;
  if (packet->udp + HOST16(udp->len) < packet->inner) return 0;
  /* IPv6 has to have a checksum, and the edge made none of nothing. */
  return udp->check != 0 || packet->carried == 4;
}

enum finding {
  ORDINARY, /* not an edge's: it passes */
  UNWANTED, /* it is dropped, and was counted */
  WRAPPED,  /* it is to be undone */
};

/* Looks at a packet of `total` bytes with its link header, of which those up to `end` can be read. */
INLINE enum finding examine(const void* data, const void* end, __u64 total, __be16 protocol,
                            struct wrapped* packet) {
  read_wrapped(data, end, protocol, packet);
  if (likely(packet->wrapping == WRAPPING_NONE)) return ORDINARY;
  packet->endpoint = find_endpoint(packet->to, packet->version);
  if (packet->endpoint == ADDRESS_MISSING) return ORDINARY;
  packet->edge = find_host(packet->from, packet->version, HOST_EDGE);
  if (packet->edge == ADDRESS_MISSING) {
    /* Whom else a program believes is its own affair. */
    if (packet->wrapping == WRAPPING_PROXY) return ORDINARY;
    count(REASON_UNTRUSTED, packet->length);
    return UNWANTED;
  }
  if (packet->fragment) {
    count(REASON_UNSUPPORTED, packet->length);
    return ORDINARY;
  }
  if (packet->wrapping == WRAPPING_PROXY) {
    if (is_proxied(data, end, packet)) return WRAPPED;
  } else {
    const void* inner = data + (packet->inner & 0xff); /* which it is, by far: for the verifier */
    OPAQUE(inner);
    packet->carried = inner_version(inner, end, packet);
    if (packet->carried != 0 && packet->link + packet->length <= total) return WRAPPED;
  }
  count(REASON_MALFORMED, packet->length);
  return UNWANTED;
}

#endif
