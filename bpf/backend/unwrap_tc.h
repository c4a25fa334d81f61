/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The same on devices of layer 3 (TUN, WireGuard), where there is no XDP or none that is worth it. */
#ifndef UDP_DSR_BACKEND_UNWRAP_TC_H
#define UDP_DSR_BACKEND_UNWRAP_TC_H

#include <linux/pkt_cls.h>

#include "proxied.h"
#include "tunnel.h"
#include "ways.h"
#include "wrapped.h"

/* Bytes behind the link header in which all headers lie: outer IPv6, UDP, PROXY for IPv6. */
#define WRAPPED_HEADERS (sizeof(struct ipv6hdr) + sizeof(struct udphdr) + sizeof(struct proxy_ipv6))

/* Flags of bpf_skb_adjust_room, which older headers lack. */
#define DECAP_TO_IPV4 (1ull << 7)
#define DECAP_TO_IPV6 (1ull << 8)

/* Takes bytes away behind the link header, and names the version of what follows it (Linux 6.3 where that is
 * another one). */
INLINE int shorten_skb(struct __sk_buff* skb, const struct wrapped* packet, __u32 bytes) {
  __u64 flags = 0;
  if (packet->version != packet->carried) {
    flags = packet->carried == 4 ? DECAP_TO_IPV4 : DECAP_TO_IPV6;
  }
  return (int)bpf_skb_adjust_room(skb, -(__s32)bytes, BPF_ADJ_ROOM_MAC, flags);
}

/* The first bytes of the packet inside, for what looks at them and writes to them. */
union inner_headers {
  struct iphdr ipv4;
  struct ipv6hdr ipv6;
};

INLINE int unwrap_tunnel_skb(struct __sk_buff* skb, const struct wrapped* packet) {
  union inner_headers inner = {};
  const __u32 size = packet->carried == 4 ? sizeof inner.ipv4 : sizeof inner.ipv6;
  const __u32 at = packet->link;
  if (shorten_skb(skb, packet, packet->inner - packet->link) != 0) return TC_ACT_SHOT;
  const int marked = (packet->tos & 1) != 0;
  if ((settings.returns || unlikely(marked)) && bpf_skb_load_bytes(skb, at, &inner, size) != 0)
    return TC_ACT_SHOT;
  if (unlikely(marked)) {
    if (!take_over_mark(&inner, packet->carried, packet->tos)) {
      count(REASON_MALFORMED, packet->length);
      return TC_ACT_SHOT;
    }
    bpf_skb_store_bytes(skb, at, &inner, size, BPF_F_RECOMPUTE_CSUM);
  }
  if (settings.returns) note_way(&inner, &inner + 1, packet);
  count_in(&edge_counters, packet->edge, packet->length);
  return TC_ACT_UNSPEC;
}

INLINE int unwrap_proxied_skb(struct __sk_buff* skb, const struct wrapped* packet) {
  union client_headers headers = {};
  struct pair pair = {};
  if (!make_client_headers((void*)(long)skb->data, (void*)(long)skb->data_end, packet, &headers, &pair)) {
    return TC_ACT_SHOT;
  }
  const __u32 length = client_headers_length(packet);
  if (shorten_skb(skb, packet, packet->inner - packet->link - length) != 0) return TC_ACT_SHOT;
  if (bpf_skb_store_bytes(skb, packet->link, &headers, length, BPF_F_RECOMPUTE_CSUM) != 0) return TC_ACT_SHOT;
  if (settings.returns) remember_way(&pair, packet->carried, packet->edge, packet->endpoint);
  count_in(&edge_counters, packet->edge, packet->length);
  return TC_ACT_UNSPEC;
}

INLINE int decapsulate_skb(struct __sk_buff* skb) {
  const __u32 want = settings.link_bytes + WRAPPED_HEADERS;
  const void* data = (void*)(long)skb->data;
  const void* end = (void*)(long)skb->data_end;
  if (unlikely(data + want > end && (__u64)(end - data) < skb->len)) {
    /* Not in one piece. */
    if (bpf_skb_pull_data(skb, skb->len < want ? skb->len : want) != 0) return TC_ACT_UNSPEC;
    data = (void*)(long)skb->data;
    end = (void*)(long)skb->data_end;
  }
  struct wrapped packet = {.link = settings.link_bytes};
  switch (examine(data, end, skb->len, (__be16)skb->protocol, &packet)) {
    case ORDINARY:
      return TC_ACT_UNSPEC;
    case UNWANTED:
      return TC_ACT_SHOT;
    default:
      break;
  }
  if (unlikely(skb->gso_size != 0)) {
    /* Several in one, which would have to be parted first. */
    count(REASON_UNSUPPORTED, packet.length);
    return TC_ACT_UNSPEC;
  }
  return settings.proxy && packet.wrapping == WRAPPING_PROXY ? unwrap_proxied_skb(skb, &packet)
                                                             : unwrap_tunnel_skb(skb, &packet);
}

#endif
