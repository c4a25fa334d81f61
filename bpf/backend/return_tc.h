/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Sends replies to the edge that the request came through, in a tunnel as the edge's own. What finds no way,
 * or no room in a packet of the device, goes straight to the client. */
#ifndef UDP_DSR_BACKEND_RETURN_TC_H
#define UDP_DSR_BACKEND_RETURN_TC_H

#include <linux/pkt_cls.h>

#include "tunnel.h"
#include "ways.h"

/* A datagram that leaves. */
struct reply {
  struct pair pair;
  __u8 version;
  __u8 tos;
  __u8 reserved[2];
  __u32 headers; /* bytes of IP and UDP header */
  __u32 length;  /* bytes of the IP packet */
};

/* An outer header of any kind. */
union outer_headers {
  struct {
    struct iphdr ip;
    struct udphdr udp;
  } ipv4;
  struct {
    struct ipv6hdr ip;
    struct udphdr udp;
  } ipv6;
};

/* 0: it is no datagram. */
INLINE int read_reply(struct __sk_buff* skb, struct reply* reply) {
  union {
    struct iphdr ipv4;
    struct ipv6hdr ipv6;
  } ip;
  if (skb->protocol == NET16(ETH_P_IP)) {
    if (bpf_skb_load_bytes(skb, settings.link_bytes, &ip.ipv4, sizeof ip.ipv4) != 0) return 0;
    if (ip.ipv4.version != 4 || ip.ipv4.protocol != IPPROTO_UDP) return 0;
    reply->version = 4;
    reply->tos = ip.ipv4.tos;
    reply->headers = ip.ipv4.ihl * 4u + sizeof(struct udphdr);
    reply->pair.client[3] = ip.ipv4.daddr;
    reply->pair.vip[3] = ip.ipv4.saddr;
  } else if (skb->protocol == NET16(ETH_P_IPV6)) {
    if (bpf_skb_load_bytes(skb, settings.link_bytes, &ip.ipv6, sizeof ip.ipv6) != 0) return 0;
    if (ip.ipv6.version != 6 || (ip.ipv6.nexthdr != IPPROTO_UDP && ip.ipv6.nexthdr != IPV6_FRAGMENT))
      return 0;
    reply->version = 6;
    reply->tos = (__u8)(ip.ipv6.priority << 4 | ip.ipv6.flow_lbl[0] >> 4);
    reply->headers = sizeof ip.ipv6 + sizeof(struct udphdr);
    memcpy(reply->pair.client, &ip.ipv6.daddr, sizeof reply->pair.client);
    memcpy(reply->pair.vip, &ip.ipv6.saddr, sizeof reply->pair.vip);
  } else {
    return 0;
  }
  reply->length = skb->len - settings.link_bytes;
  return 1;
}

INLINE int send_by_edge(struct __sk_buff* skb) {
  struct reply reply = {};
  __u16 way;
  if (!settings.returns || !read_reply(skb, &reply)) return TC_ACT_UNSPEC;
  const __u64 key = key_of_pair(&reply.pair, reply.version);
  if (!recall_way(key, reply.version, &way)) return TC_ACT_UNSPEC;
  const __u32 edge_number = WAY_EDGE(way);
  const __u32 endpoint_number = HOST_EDGES + WAY_ENDPOINT(way);
  const struct host_address* edge = bpf_map_lookup_elem(&host_addresses, &edge_number);
  const struct host_address* endpoint = bpf_map_lookup_elem(&host_addresses, &endpoint_number);
  if (edge == 0 || endpoint == 0) return TC_ACT_UNSPEC;
  /* One of them is none any longer, or another one has its number. */
  if (is_unspecified(edge->address) || is_unspecified(endpoint->address)) return TC_ACT_UNSPEC;
  const int ipv4 = is_mapped(edge->address);
  if (ipv4 != is_mapped(endpoint->address)) return TC_ACT_UNSPEC;
  const int gue = edge->gue != 0;
  const __u32 ip = ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
  const __u32 udp = gue ? sizeof(struct udphdr) : 0;
  const __u32 outer = ip + udp;
  /* What the kernel still cuts has its headers in each part. */
  const __u32 part = skb->gso_size != 0 ? reply.headers + skb->gso_size : reply.length;
  if (part + outer > settings.mtu) {
    count(REASON_TOO_BIG_SILENT, reply.length);
    return TC_ACT_UNSPEC;
  }
  const __u32 hash = (__u32)(key ^ key >> 32) * 0x9e3779b1u;
  const __u8 inner = reply.version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
  const __u8 protocol = gue ? IPPROTO_UDP : inner;
  union outer_headers headers = {};
  if (ipv4) {
    write_ipv4(&headers.ipv4.ip, endpoint->address[3], edge->address[3], reply.tos, protocol,
               reply.length + outer);
    write_gue(&headers.ipv4.udp, hash, settings.gue_port, reply.length + udp);
  } else {
    write_ipv6(&headers.ipv6.ip, endpoint->address, edge->address, reply.tos, protocol, reply.length + udp,
               hash);
    write_gue(&headers.ipv6.udp, hash, settings.gue_port, reply.length + udp);
  }
  const __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO |
                      (ipv4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6) |
                      (gue ? BPF_F_ADJ_ROOM_ENCAP_L4_UDP : 0);
  if (bpf_skb_adjust_room(skb, (__s32)outer, BPF_ADJ_ROOM_MAC, flags) != 0) {
    count(REASON_UNSUPPORTED, reply.length);
    return TC_ACT_UNSPEC;
  }
  if (bpf_skb_store_bytes(skb, settings.link_bytes, &headers, outer, 0) != 0) return TC_ACT_SHOT;
  count(REASON_RETURNED, reply.length);
  /* The edge may be another neighbour than the client's gateway. */
  return settings.link_bytes != 0 ? (int)bpf_redirect_neigh(skb->ifindex, 0, 0, 0) : TC_ACT_UNSPEC;
}

#endif
