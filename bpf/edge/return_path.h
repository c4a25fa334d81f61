/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Replies that backends send through the edge, in IP or GUE: out of their tunnel, and on to the client. Taken
 * from configured backends only, and only with a VIP of ours as source. */
#ifndef UDP_DSR_EDGE_RETURN_PATH_H
#define UDP_DSR_EDGE_RETURN_PATH_H

#include "deliver.h"
#include "memory.h"
#include "tunnel.h"

/* What is in the tunnel: the flow seen from the backend, so that its source is `local`. Returns 0 when it is
 * no datagram. */
INLINE int inner_packet(const void* data, const void* end, const struct delivered* outer,
                        struct delivered* inner) {
  const __u32 at = outer->tunnel & 0x3fff; /* which it is: for the verifier */
  const struct iphdr* first = data + at;
  if ((const void*)(first + 1) > end) return 0;
  __u32 payload;
  __u8 protocol;
  inner->offset = at;
  inner->version = first->version;
  if (first->version == 4) {
    const struct iphdr* ip;
    payload = parse_ipv4(data, end, at, &ip);
    if (payload == 0) return 0;
    protocol = ip->protocol;
    inner->fragment = (ip->frag_off & IPV4_FRAGMENT) != 0;
    inner->length = HOST16(ip->tot_len);
    map_address(inner->flow.client, ip->daddr);
    map_address(inner->flow.local, ip->saddr);
  } else {
    const struct ipv6hdr* ip;
    int fragment;
    payload = parse_ipv6(data, end, at, &ip, &protocol, &fragment);
    if (payload == 0) return 0;
    inner->fragment = (__u8)fragment;
    inner->length = HOST16(ip->payload_len) + sizeof *ip;
    memcpy(inner->flow.client, &ip->daddr, sizeof inner->flow.client);
    memcpy(inner->flow.local, &ip->saddr, sizeof inner->flow.local);
  }
  if (protocol != IPPROTO_UDP) return 0;
  if (inner->fragment) return 1;
  const struct udphdr* udp = data + payload;
  if ((const void*)(udp + 1) > end) return 0;
  inner->flow.client_port = udp->dest;
  inner->flow.local_port = udp->source;
  return 1;
}

/* A packet with `outer->tunnel`, which passes when it is not addressed to an end of a tunnel of ours. */
INLINE int take_reply(struct xdp_md* context, const struct delivered* outer) {
  const struct endpoint* here = bpf_map_lookup_elem(&endpoints, outer->flow.local);
  if (here == 0 || (outer->tunnel_port != 0 && outer->tunnel_port != here->gue_port)) {
    return ended(REASON_PASSED, outer->length, XDP_PASS);
  }
  const __u32* sender = bpf_map_lookup_elem(&sources, outer->flow.client);
  if (sender == 0) return dropped(outer, REASON_UNTRUSTED);

  struct delivered reply = {};
  void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  if (!inner_packet(data, end, outer, &reply)) return dropped(outer, REASON_NOT_OURS);
  if (reply.fragment) {
    const __u32 vip = find_entry(reply.flow.local, SERVICE_FRAGMENTS, IPPROTO_UDP, 0);
    if (vip == SERVICE_MISSING) return dropped(&reply, REASON_NOT_OURS);
  } else {
    reply.service = find_service(reply.flow.local, reply.flow.local_port);
    if (reply.service == 0) return dropped(&reply, REASON_NOT_OURS);
    if (settings.learned_ports && reply.service->flags & SERVICE_LEARN_PORTS) {
      const struct backend* backend = backend_at(*sender);
      const __u64 key = key_of_port(reply.service, reply.flow.local, reply.flow.local_port);
      if (backend != 0 && recall(key, 1) != *sender) remember(key, *sender, backend->epoch);
    }
  }
  void* ip = data + reply.offset;
  if (ip + sizeof(struct iphdr) > end || !take_over_mark(ip, reply.version, outer->tos)) {
    return dropped(&reply, REASON_MALFORMED);
  }
  struct bpf_fib_lookup hop;
  const enum way way = route(context, reply.offset, &hop);
  if (way == WAY_NONE) return dropped(&reply, REASON_NO_ROUTE);
  if (way == WAY_FOUND && !age(context, &reply)) return dropped(&reply, REASON_TTL);
  __u8 own[6];
  __u8 from[6];
  const struct ethhdr* outermost = (void*)(long)context->data;
  if ((const void*)(outermost + 1) > (const void*)(long)context->data_end) return XDP_ABORTED;
  copy_mac_of_stack(own, outermost->h_dest);
  copy_mac_of_stack(from, outermost->h_source);
  if (bpf_xdp_adjust_head(context, (int)(reply.offset - sizeof(struct ethhdr))) != 0) return XDP_ABORTED;
  struct ethhdr* ethernet = (void*)(long)context->data;
  if ((const void*)(ethernet + 1) > (const void*)(long)context->data_end) return XDP_ABORTED;
  *ethernet_type(ethernet) = reply.version == 4 ? NET16(ETH_P_IP) : NET16(ETH_P_IPV6);
  report(&reply, REASON_RETURNED, BACKEND_NONE);
  count_in(&reason_counters, REASON_RETURNED, reply.length);
  if (way == WAY_BY_HOST) {
    /* It asks for the neighbour's address, so that the next one finds it; it cuts the packet, or tells its
     * sender that it is too big. */
    copy_mac_of_stack(ethernet->h_dest, own);
    copy_mac_of_stack(ethernet->h_source, from);
    return XDP_PASS;
  }
  copy_mac_of_stack(ethernet->h_dest, hop.dmac);
  copy_mac_of_stack(ethernet->h_source, hop.smac);
  return send_to(context, hop.ifindex);
}

#endif
