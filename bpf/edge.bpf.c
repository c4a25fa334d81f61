// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// The edge: forwards datagrams for VIPs to backends (XDP). What it is told, and how packets are found in
// that, is in bpf/include/layouts.h and docs/architecture.md. What is for no service goes to the host,
// untouched.
#include "edge/choose.h"
#include "edge/icmp.h"
#include "edge/return_path.h"

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
  if ((const void*)(about + 1) > end || about->version != 6) return XDP_PASS;
  const struct udphdr* udp = (const void*)(about + 1);
  __u8 next = about->nexthdr;
  if (next == IPV6_FRAGMENT) {
    /* What a backend sent in fragments, of which the first is as long as any, and has the ports. */
    const struct ipv6_fragment* part = (const void*)(about + 1);
    if ((const void*)(part + 1) > end || part->offset & NET16(0xfff8)) return XDP_PASS;
    next = part->next;
    udp = (const void*)(part + 1);
  }
  if (next != IPPROTO_UDP || (const void*)(udp + 1) > end) return XDP_PASS;
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
  /* Nobody has port 0, which stands for no UDP below. */
  if (settings.return_path && udp->dest != 0) {
    packet->tunnel = at + sizeof *udp;
    packet->tunnel_port = udp->dest;
  }
  return FOR_SERVICE;
}

/* IP in IP. */
INLINE int is_tunnel(__u8 protocol) { return protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6; }

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
  if (settings.return_path && is_tunnel(ip->protocol) && !packet->fragment) packet->tunnel = at;
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
  if (settings.return_path && is_tunnel(next) && !fragment) packet->tunnel = at;
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
    return packet->service != 0 ? FOR_SERVICE : dropped(packet, REASON_FRAGMENT);
  }
  packet->service = find_service(packet->flow.local, packet->flow.local_port);
  if (packet->service == 0) return XDP_PASS;
  if (unlikely(packet->error)) return FOR_SERVICE;
  const __u32 room = packet->length - packet->headers;
  if (unlikely(packet->payload < sizeof(struct udphdr) || packet->payload > room)) {
    return dropped(packet, REASON_MALFORMED);
  }
  packet->datagram = packet->payload == room;
  return FOR_SERVICE;
}

/* Hands a packet to the backend of its flow. */
INLINE int forward(struct xdp_md* context, struct delivered* packet) {
  packet->hash =
      hash_flow(&packet->flow, packet->version, packet->service->affinity, secret_of(packet->service));
  const struct backend* backend = backend_at(choose(context, packet));
  if (unlikely(backend == 0)) return dropped(packet, REASON_NO_BACKEND);
  const __s32 added = added_bytes(backend, packet);
  if (unlikely(packet->error)) {
    /* A backend that is addressed by itself has no use for a message to the VIP; and no error answers an
     * error. */
    if (backend->delivery == DELIVERY_PROXY || (__s32)packet->length + added > backend->mtu) {
      return ended(REASON_PASSED, packet->length, XDP_PASS);
    }
  }
  if (unlikely(!age(context, packet))) return dropped(packet, REASON_TTL);
  if (unlikely((__s32)packet->length + added > backend->mtu)) {
    const __u32 mtu = (__u32)(backend->mtu - added);
    report(packet, REASON_TOO_BIG, backend->counters);
    return packet->version == 4 ? too_big_ipv4(context, packet->offset, packet->length, mtu)
                                : too_big_ipv6(context, packet->offset, packet->length, mtu);
  }
  if (unlikely(packet->error)) {
    report(packet, REASON_ICMP_ERROR, backend->counters);
    count_in(&reason_counters, REASON_ICMP_ERROR, packet->length);
  } else {
    report(packet, REASON_FORWARDED, backend->counters);
    count_in(&service_counters, packet->service->counters, packet->length);
  }
  return deliver(context, backend, packet);
}

/* The same offset, of which the verifier knows only a bound: else it goes through the program once for each
 * number of tags. */
INLINE __u64 forget_offset(const void* data, __u64 offset) {
  const void* at = data + offset;
  OPAQUE(at);
  offset = (__u64)at - (__u64)data;
  OPAQUE(offset);
  return offset & 31;
}

INLINE int edge_packet(struct xdp_md* context) {
  __be16 protocol = 0;
  struct delivered packet = {};
  packet.offset =
      forget_offset((void*)(long)context->data,
                    parse_ethernet((void*)(long)context->data, (void*)(long)context->data_end, &protocol));
  if (packet.offset == 0) return ended(REASON_PASSED, 0, XDP_PASS);
  int verdict = XDP_PASS;
  if (protocol == NET16(ETH_P_IP)) {
    verdict = classify_ipv4(context, &packet);
  } else if (protocol == NET16(ETH_P_IPV6)) {
    verdict = classify_ipv6(context, &packet);
  }
  if (verdict == FOR_SERVICE) verdict = find(&packet);
  if (likely(verdict == FOR_SERVICE)) return forward(context, &packet);
  if (settings.return_path && verdict == XDP_PASS && packet.tunnel != 0) return take_reply(context, &packet);
  return verdict == XDP_PASS ? ended(REASON_PASSED, packet.length, XDP_PASS) : verdict;
}

SECTION("xdp")
int edge(struct xdp_md* context) { return edge_packet(context); }

LICENSE("Dual MIT/GPL");
