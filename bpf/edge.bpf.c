// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// The edge: forwards datagrams for VIPs to backends (XDP). What it is told, and how packets are found in
// that, is in bpf/include/layouts.h and docs/architecture.md. What is for no service goes to the host,
// untouched.
#include "edge/icmp.h"

/* In place of a verdict: the packet is for a service. */
#define FOR_SERVICE -1

/* An ICMP error is for the backend that owns the flow of the datagram inside, which a backend sent from the
 * VIP that the error came to. `at` is the offset of ICMP. */
INLINE int classify_error_ipv4(const void* data, const void* end, __u32 at, struct delivered* packet) {
  const struct iphdr* about = data + at + sizeof(struct icmp_header);
  if ((const void*)(about + 1) > end || about->version != 4 || about->protocol != IPPROTO_UDP)
    return XDP_PASS;
  if (about->ihl != sizeof *about / 4 || about->frag_off & IPV4_OFFSET) return XDP_PASS;
  const struct udphdr* udp = (const void*)(about + 1);
  if ((const void*)(udp + 1) > end || about->saddr != packet->flow.local[3]) return XDP_PASS;
  packet->flow.client[3] = about->daddr;
  packet->flow.client_port = udp->dest;
  packet->flow.local_port = udp->source;
  packet->error = 1;
  return FOR_SERVICE;
}

INLINE int classify_error_ipv6(const void* data, const void* end, __u32 at, struct delivered* packet) {
  const struct ipv6hdr* about = data + at + sizeof(struct icmp_header);
  if ((const void*)(about + 1) > end || about->version != 6 || about->nexthdr != IPPROTO_UDP) return XDP_PASS;
  const struct udphdr* udp = (const void*)(about + 1);
  if ((const void*)(udp + 1) > end) return XDP_PASS;
  __be32 vip[4];
  memcpy(vip, &about->saddr, sizeof vip);
  const __be32* local = packet->flow.local;
  if (vip[0] != local[0] || vip[1] != local[1] || vip[2] != local[2] || vip[3] != local[3]) return XDP_PASS;
  memcpy(packet->flow.client, &about->daddr, sizeof packet->flow.client);
  packet->flow.client_port = udp->dest;
  packet->flow.local_port = udp->source;
  packet->error = 1;
  return FOR_SERVICE;
}

INLINE int classify_udp(const void* data, const void* end, __u32 at, struct delivered* packet) {
  const struct udphdr* udp = data + at;
  if ((const void*)(udp + 1) > end) return XDP_PASS;
  packet->flow.client_port = udp->source;
  packet->flow.local_port = udp->dest;
  packet->checksum = udp->check;
  packet->payload = HOST16(udp->len);
  return FOR_SERVICE;
}

/* Says what a packet is; FOR_SERVICE: what may be for one. */
INLINE int classify_ipv4(struct xdp_md* context, struct delivered* packet) {
  const void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  const struct iphdr* ip;
  const __u32 at = parse_ipv4(data, end, packet->offset, &ip);
  if (unlikely(at == 0)) return XDP_PASS;
  packet->version = 4;
  packet->headers = at - packet->offset;
  packet->length = HOST16(ip->tot_len);
  packet->tos = ip->tos;
  map_address(packet->flow.client, ip->saddr);
  map_address(packet->flow.local, ip->daddr);
  packet->fragment = (ip->frag_off & IPV4_FRAGMENT) != 0;
  if (likely(ip->protocol == IPPROTO_UDP)) {
    return likely(!packet->fragment) ? classify_udp(data, end, at, packet) : FOR_SERVICE;
  }
  const struct icmp_header* icmp = data + at;
  if (ip->protocol != IPPROTO_ICMP || packet->fragment || (const void*)(icmp + 1) > end) return XDP_PASS;
  switch (icmp->type) {
    case ICMP_UNREACHABLE:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER_PROBLEM:
      return classify_error_ipv4(data, end, at, packet);
    case ICMP_ECHO_REQUEST:
      return is_vip(packet->flow.local) ? echo_ipv4(context, packet->offset, at) : XDP_PASS;
    default:
      return XDP_PASS;
  }
}

INLINE int classify_ipv6(struct xdp_md* context, struct delivered* packet) {
  const void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  const struct ipv6hdr* ip;
  __u8 next;
  int fragment;
  const __u32 at = parse_ipv6(data, end, packet->offset, &ip, &next, &fragment);
  if (unlikely(at == 0)) return XDP_PASS;
  packet->version = 6;
  packet->headers = at - packet->offset;
  packet->length = HOST16(ip->payload_len) + sizeof *ip;
  packet->tos = (__u8)(ip->priority << 4 | ip->flow_lbl[0] >> 4);
  packet->fragment = (__u8)fragment;
  if (unlikely(packet->headers > packet->length)) return XDP_PASS;
  memcpy(packet->flow.client, &ip->saddr, sizeof packet->flow.client);
  memcpy(packet->flow.local, &ip->daddr, sizeof packet->flow.local);
  if (likely(next == IPPROTO_UDP)) {
    return likely(!fragment) ? classify_udp(data, end, at, packet) : FOR_SERVICE;
  }
  const struct icmp_header* icmp = data + at;
  if (next != IPV6_ICMP || fragment || (const void*)(icmp + 1) > end) return XDP_PASS;
  switch (icmp->type) {
    case ICMPV6_UNREACHABLE:
    case ICMPV6_TOO_BIG:
    case ICMPV6_TIME_EXCEEDED:
    case ICMPV6_PARAMETER_PROBLEM:
      return classify_error_ipv6(data, end, at, packet);
    case ICMPV6_ECHO_REQUEST:
      return is_vip(packet->flow.local) ? echo_ipv6(context, packet->offset, at) : XDP_PASS;
    default:
      return XDP_PASS;
  }
}

/* Finds the service; FOR_SERVICE when there is one. */
INLINE int find(struct delivered* packet) {
  if (unlikely(packet->fragment)) {
    const __u32 index = find_entry(packet->flow.local, SERVICE_FRAGMENTS, IPPROTO_UDP, 0);
    if (index == SERVICE_MISSING) return XDP_PASS;
    packet->service = settings.fragments ? bpf_map_lookup_elem(&service_table, &index) : 0;
    return packet->service != 0 ? FOR_SERVICE : ended(REASON_FRAGMENT, packet->length, XDP_DROP);
  }
  packet->service = find_service(packet->flow.local, packet->flow.local_port);
  if (packet->service == 0) return XDP_PASS;
  if (unlikely(packet->error)) return FOR_SERVICE;
  const __u32 room = packet->length - packet->headers;
  if (unlikely(packet->payload < sizeof(struct udphdr) || packet->payload > room)) {
    return ended(REASON_MALFORMED, packet->length, XDP_DROP);
  }
  packet->datagram = packet->payload == room;
  return FOR_SERVICE;
}

/* Takes one from TTL or hop limit; 0 when there was no more. */
INLINE int age(struct xdp_md* context, const struct delivered* packet) {
  void* ip = (void*)(long)context->data + packet->offset;
  const void* end = (void*)(long)context->data_end;
  if (ip + sizeof(struct iphdr) > end) return 0;
  if (packet->version == 4) {
    struct iphdr* header = ip;
    if (header->ttl <= 1) return 0;
    ipv4_decrement_ttl(header);
  } else {
    struct ipv6hdr* header = ip;
    if (header->hop_limit <= 1) return 0;
    header->hop_limit--;
  }
  return 1;
}

/* Hands a packet to the backend of its flow. */
INLINE int forward(struct xdp_md* context, struct delivered* packet) {
  packet->hash = hash_of(packet->service, &packet->flow);
  const struct backend* backend = pick(packet->service, packet->hash);
  if (unlikely(backend == 0)) return ended(REASON_NO_BACKEND, packet->length, XDP_DROP);
  const __s32 added = added_bytes(backend, packet);
  if (unlikely(packet->error)) {
    /* A backend that is addressed by itself has no use for a message to the VIP; and no error answers an
     * error. */
    if (backend->delivery == DELIVERY_PROXY || (__s32)packet->length + added > backend->mtu) return XDP_PASS;
  }
  if (unlikely(!age(context, packet))) return ended(REASON_TTL, packet->length, XDP_DROP);
  if (unlikely((__s32)packet->length + added > backend->mtu)) {
    const __u32 mtu = (__u32)(backend->mtu - added);
    return packet->version == 4 ? too_big_ipv4(context, packet->offset, packet->length, mtu)
                                : too_big_ipv6(context, packet->offset, packet->length, mtu);
  }
  if (unlikely(packet->error)) {
    count_in(&reason_counters, REASON_ICMP_ERROR, packet->length);
  } else {
    count_in(&service_counters, packet->service->counters, packet->length);
  }
  return deliver(context, backend, packet);
}

INLINE int edge_packet(struct xdp_md* context) {
  __be16 protocol = 0;
  struct delivered packet = {};
  packet.offset = parse_ethernet((void*)(long)context->data, (void*)(long)context->data_end, &protocol);
  if (packet.offset == 0) return XDP_PASS;
  int verdict = XDP_PASS;
  if (protocol == NET16(ETH_P_IP)) {
    verdict = classify_ipv4(context, &packet);
  } else if (protocol == NET16(ETH_P_IPV6)) {
    verdict = classify_ipv6(context, &packet);
  }
  if (verdict != FOR_SERVICE) return verdict;
  verdict = find(&packet);
  return verdict == FOR_SERVICE ? forward(context, &packet) : verdict;
}

SECTION("xdp")
int edge(struct xdp_md* context) { return edge_packet(context); }

LICENSE("Dual MIT/GPL");
