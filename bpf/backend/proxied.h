/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A datagram with a PROXY header as its client sent it, but for what the header does not say: TTL and TOS are
 * those that it came with, and it is whole (DF, identification 0: RFC 6864 §4.1). */
#ifndef UDP_DSR_BACKEND_PROXIED_H
#define UDP_DSR_BACKEND_PROXIED_H

#include "tunnel.h"
#include "ways.h"
#include "wrapped.h"

/* IP and UDP header of the client's datagram. */
union client_headers {
  struct {
    struct iphdr ip;
    struct udphdr udp;
  } ipv4;
  struct {
    struct ipv6hdr ip;
    struct udphdr udp;
  } ipv6;
};

INLINE __u32 client_headers_length(const struct wrapped* packet) {
  return packet->carried == 4 ? sizeof(struct iphdr) + sizeof(struct udphdr)
                              : sizeof(struct ipv6hdr) + sizeof(struct udphdr);
}

/* The checksum without what leaves the packet: addresses and ports of the outer headers, the constant words
 * of the PROXY header, and its length, which was counted twice. What remains of the header, addresses and
 * ports, is in the sum of the client's datagram as well. */
INLINE __u16 client_checksum(const struct udphdr* udp, const struct wrapped* packet, __u32 proxy) {
  if (udp->check == 0) return 0;
  const __be32* from = packet->from;
  const __be32* to = packet->to;
  __u64 out = (__u64)udp->source + udp->dest + 2ull * NET16((__u16)proxy);
  if (packet->version == 4) {
    out += (__u64)from[3] + to[3];
  } else {
    out = checksum_add_address(checksum_add_address(out, from), to);
  }
  const __u8 family = packet->carried == 4 ? PROXY_INET_DGRAM : PROXY_INET6_DGRAM;
  out += proxy_sum(family, (__u16)(proxy - sizeof(struct proxy_header)));
  return checksum_not_zero((__u64)(__u16)~udp->check + (__u16)~checksum_fold(out));
}

/* Makes the headers, and says between whom the datagram is. 0: not all of it can be read. */
INLINE int make_client_headers(const void* data, const void* end, const struct wrapped* packet,
                               union client_headers* headers, struct pair* pair) {
  const struct udphdr* udp = data + (packet->udp & 0xff); /* which it is, by far: for the verifier */
  if (packet->carried == 4) {
    const struct proxy_ipv4* proxy = (const void*)(udp + 1);
    if ((const void*)(proxy + 1) > end) return 0;
    const __u16 length = (__u16)(HOST16(udp->len) - sizeof *proxy);
    write_ipv4(&headers->ipv4.ip, proxy->client, proxy->local, packet->tos, IPPROTO_UDP,
               length + sizeof(struct iphdr));
    headers->ipv4.ip.ttl = packet->ttl;
    headers->ipv4.ip.check = 0;
    headers->ipv4.ip.check = checksum_ipv4(&headers->ipv4.ip);
    headers->ipv4.udp.source = proxy->client_port;
    headers->ipv4.udp.dest = proxy->local_port;
    headers->ipv4.udp.len = NET16(length);
    headers->ipv4.udp.check = client_checksum(udp, packet, sizeof *proxy);
    pair->client[3] = proxy->client;
    pair->vip[3] = proxy->local;
    return 1;
  }
  const struct proxy_ipv6* proxy = (const void*)(udp + 1);
  if ((const void*)(proxy + 1) > end) return 0;
  const __u16 length = (__u16)(HOST16(udp->len) - sizeof *proxy);
  copy_address(pair->client, proxy->client);
  copy_address(pair->vip, proxy->local);
  write_ipv6(&headers->ipv6.ip, pair->client, pair->vip, packet->tos, IPPROTO_UDP, length, 0);
  headers->ipv6.ip.hop_limit = packet->ttl;
  headers->ipv6.udp.source = proxy->client_port;
  headers->ipv6.udp.dest = proxy->local_port;
  headers->ipv6.udp.len = NET16(length);
  headers->ipv6.udp.check = client_checksum(udp, packet, sizeof *proxy);
  return 1;
}

#endif
