/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Undoes on Ethernet what an edge did. */
#ifndef UDP_DSR_BACKEND_UNWRAP_XDP_H
#define UDP_DSR_BACKEND_UNWRAP_XDP_H

#include "proxied.h"
#include "tunnel.h"
#include "ways.h"
#include "wrapped.h"

/* What lies before an IP header: Ethernet addresses, and up to two tags with the type. */
struct link {
  __u32 addresses[3];
  __u16 rest[1 + 2 * VLAN_TAGS];
};

/* Takes bytes away behind the link header, and names the version of what follows it. */
INLINE int shorten(struct xdp_md* context, const struct wrapped* packet, __u32 bytes) {
  const void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  struct link link;
  if (data + sizeof link > end) return XDP_ABORTED;
  const __be16 type = packet->carried == 4 ? NET16(ETH_P_IP) : NET16(ETH_P_IPV6);
  memcpy(&link, data, sizeof link.addresses);
  const __u32 tags = (packet->link - sizeof(struct ethhdr)) / sizeof(struct vlan_header);
  if (unlikely(tags != 0)) {
    UNROLL
    for (__u32 i = 0; i < sizeof link.rest / 2; i++)
      link.rest[i] = *(const __u16*)(data + sizeof link.addresses + 2 * i);
  }
  if (bpf_xdp_adjust_head(context, (int)bytes) != 0) return XDP_ABORTED;
  data = (void*)(long)context->data;
  end = (void*)(long)context->data_end;
  if (data + sizeof link > end) return XDP_ABORTED;
  __u32* addresses = (__u32*)data;
  UNROLL
  for (int i = 0; i < 3; i++) addresses[i] = link.addresses[i];
  __u16* rest = (void*)data + sizeof link.addresses;
  if (unlikely(tags != 0)) {
    UNROLL
    for (__u32 i = 0; i < VLAN_TAGS; i++) {
      if (i >= tags) break;
      rest[0] = link.rest[2 * i];
      rest[1] = link.rest[2 * i + 1];
      rest += 2;
    }
  }
  rest[0] = type;
  return XDP_PASS;
}

INLINE int unwrap_proxied(struct xdp_md* context, const struct wrapped* packet) {
  union client_headers headers = {};
  struct pair pair = {};
  if (!make_client_headers((void*)(long)context->data, (void*)(long)context->data_end, packet, &headers,
                           &pair)) {
    return XDP_ABORTED;
  }
  const __u32 length = client_headers_length(packet);
  const int verdict = shorten(context, packet, packet->inner - packet->link - length);
  if (verdict != XDP_PASS) return verdict;
  if (settings.returns) remember_way(&pair, packet->carried, packet->edge, packet->endpoint);
  void* at = (void*)(long)context->data + (packet->link & 0x1f); /* which it is, by far: for the verifier */
  const void* end = (void*)(long)context->data_end;
  if (packet->carried == 4) {
    if (at + sizeof headers.ipv4 > end) return XDP_ABORTED;
    memcpy(at, &headers.ipv4, sizeof headers.ipv4);
  } else {
    if (at + sizeof headers.ipv6 > end) return XDP_ABORTED;
    memcpy(at, &headers.ipv6, sizeof headers.ipv6);
  }
  return XDP_PASS;
}

INLINE int unwrap_tunnel(struct xdp_md* context, const struct wrapped* packet) {
  const void* end = (void*)(long)context->data_end;
  void* inner = (void*)(long)context->data + (packet->inner & 0xff);
  OPAQUE(inner);
  if (inner + sizeof(struct iphdr) > end || !take_over_mark(inner, packet->carried, packet->tos)) {
    count(REASON_MALFORMED, packet->length);
    return XDP_DROP;
  }
  if (settings.returns) note_way(inner, end, packet);
  count_in(&edge_counters, packet->edge, packet->length);
  return shorten(context, packet, packet->inner - packet->link);
}

INLINE int decapsulate(struct xdp_md* context) {
  const void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  struct wrapped packet = {};
  __be16 protocol;
  packet.link = parse_ethernet(data, end, &protocol);
  if (packet.link == 0) return XDP_PASS;
  switch (examine(data, end, (__u64)(end - data), protocol, &packet)) {
    case ORDINARY:
      return XDP_PASS;
    case UNWANTED:
      return XDP_DROP;
    default:
      break;
  }
  if (!settings.proxy || packet.wrapping != WRAPPING_PROXY) return unwrap_tunnel(context, &packet);
  count_in(&edge_counters, packet.edge, packet.length);
  return unwrap_proxied(context, &packet);
}

#endif
