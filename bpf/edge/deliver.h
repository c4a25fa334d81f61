/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Sends a packet to its backend: new headers before it, or within it, and out. */
#ifndef UDP_DSR_EDGE_DELIVER_H
#define UDP_DSR_EDGE_DELIVER_H

#include "checksum.h"
#include "delivered.h"
#include "lookup.h"
#include "parsing.h"
#include "proxy.h"
#include "tunnel.h"

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

/* Bytes of the Ethernet header that a backend's packets get. */
INLINE __u32 link_bytes(const struct backend* backend) {
  return sizeof(struct ethhdr) + (backend->vlan != 0 ? sizeof(struct vlan_header) : 0);
}

/* Bytes of IP packet that delivery adds; may be negative, when PROXY's new IP header is shorter. */
INLINE __s32 added_bytes(const struct backend* backend, const struct delivered* packet) {
  const __s32 ip = is_mapped(backend->address) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
  switch (backend->delivery) {
    case DELIVERY_IPIP:
      return ip;
    case DELIVERY_GUE:
      return ip + (__s32)sizeof(struct udphdr);
    case DELIVERY_PROXY:
      return ip - (__s32)packet->headers +
             (__s32)(packet->version == 4 ? sizeof(struct proxy_ipv4) : sizeof(struct proxy_ipv6));
    default:
      return 0;
  }
}

/* Writes the type of what follows, behind a tag if there is one. */
INLINE void write_type(struct ethhdr* ethernet, __u16 vlan, __be16 protocol) {
  struct vlan_header* tag = (void*)(ethernet + 1);
  if (likely(vlan == 0)) {
    *ethernet_type(ethernet) = protocol;
    return;
  }
  *ethernet_type(ethernet) = NET16(ETH_P_8021Q);
  tag->tci = NET16(vlan);
  tag->protocol = protocol;
}

/* Back out, or to another interface. */
INLINE int send_to(const struct xdp_md* context, __u32 ifindex) {
  if (ifindex == 0 || ifindex == context->ingress_ifindex) return XDP_TX;
  return (int)bpf_redirect(ifindex, 0);
}

/* Writes the Ethernet header and sends. */
INLINE int transmit(struct xdp_md* context, const struct backend* backend, __be16 protocol) {
  struct ethhdr* ethernet = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  if ((const void*)(ethernet + 1) + sizeof(struct vlan_header) > end) return XDP_ABORTED;
  copy_mac(ethernet->h_dest, backend->next_hop);
  copy_mac(ethernet->h_source, backend->source_mac);
  write_type(ethernet, backend->vlan, protocol);
  return send_to(context, backend->ifindex);
}

/* What the routing table says of a packet. */
enum way {
  WAY_FOUND,
  WAY_NONE,
  WAY_BY_HOST, /* for the host's own forwarding: the next hop is not known yet, or the packet does not fit */
};

/* Asks the routing table where the packet goes whose IP header is at `ip`. */
INLINE enum way route(struct xdp_md* context, __u32 ip, struct bpf_fib_lookup* query) {
  const void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  memset(query, 0, sizeof *query);
  query->ifindex = context->ingress_ifindex;
  const struct iphdr* ipv4 = data + ip;
  if ((const void*)(ipv4 + 1) > end) return WAY_NONE;
  if (ipv4->version == 4) {
    query->family = 2; /* AF_INET */
    query->tos = ipv4->tos;
    query->tot_len = HOST16(ipv4->tot_len);
    query->ipv4_src = ipv4->saddr;
    query->ipv4_dst = ipv4->daddr;
  } else {
    const struct ipv6hdr* ipv6 = data + ip;
    if ((const void*)(ipv6 + 1) > end) return WAY_NONE;
    query->family = 10; /* AF_INET6 */
    query->tot_len = HOST16(ipv6->payload_len) + sizeof *ipv6;
    memcpy(query->ipv6_src, &ipv6->saddr, 16);
    memcpy(query->ipv6_dst, &ipv6->daddr, 16);
  }
  switch (bpf_fib_lookup(context, query, sizeof *query, 0)) {
    case BPF_FIB_LKUP_RET_SUCCESS:
      return WAY_FOUND;
    case BPF_FIB_LKUP_RET_NO_NEIGH:
    case BPF_FIB_LKUP_RET_FRAG_NEEDED:
      return WAY_BY_HOST;
    default:
      return WAY_NONE;
  }
}

/* The same with addresses and interface from the routing table. `ip` is the offset of the IP header. */
INLINE int transmit_routed(struct xdp_md* context, const struct backend* backend, __u32 ip,
                           const struct delivered* packet) {
  struct bpf_fib_lookup query;
  if (route(context, ip, &query) != WAY_FOUND) return dropped(packet, REASON_NO_ROUTE);
  struct ethhdr* ethernet = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  if ((const void*)(ethernet + 1) + sizeof(struct vlan_header) > end) return XDP_ABORTED;
  copy_mac_of_stack(ethernet->h_dest, query.dmac);
  copy_mac_of_stack(ethernet->h_source, query.smac);
  write_type(ethernet, backend->vlan, is_mapped(backend->address) ? NET16(ETH_P_IP) : NET16(ETH_P_IPV6));
  return send_to(context, query.ifindex);
}

/* Puts an outer header before the packet. */
INLINE int encapsulate(struct xdp_md* context, const struct backend* backend,
                       const struct delivered* packet) {
  const int gue = backend->delivery == DELIVERY_GUE;
  const int ipv4 = is_mapped(backend->address);
  const __u32 link = link_bytes(backend);
  const __u32 udp = gue ? sizeof(struct udphdr) : 0;
  const __u32 outer = (ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) + udp;
  if (bpf_xdp_adjust_head(context, (int)packet->offset - (int)(link + outer)) != 0) {
    return dropped(packet, REASON_NO_HEADROOM);
  }
  void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  const __u8 inner = packet->version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
  const __u8 protocol = gue ? IPPROTO_UDP : inner;
  struct udphdr* header;
  if (ipv4) {
    if (data + link + sizeof(struct iphdr) > end) return XDP_ABORTED;
    write_ipv4(data + link, backend->source[3], backend->address[3], packet->tos, protocol,
               packet->length + outer);
    header = data + link + sizeof(struct iphdr);
  } else {
    if (data + link + sizeof(struct ipv6hdr) > end) return XDP_ABORTED;
    write_ipv6(data + link, backend->source, backend->address, packet->tos, protocol, packet->length + udp,
               packet->hash);
    header = data + link + sizeof(struct ipv6hdr);
  }
  if (gue) {
    if ((const void*)(header + 1) > end) return XDP_ABORTED;
    write_gue(header, packet->hash, backend->port, packet->length + udp);
  }
  if (settings.fib && backend->flags & BACKEND_FIB) return transmit_routed(context, backend, link, packet);
  return transmit(context, backend, ipv4 ? NET16(ETH_P_IP) : NET16(ETH_P_IPV6));
}

/* Addresses the datagram to the backend, and puts a PROXY header before its payload. */
INLINE int deliver_by_proxy(struct xdp_md* context, const struct backend* backend,
                            const struct delivered* packet) {
  if (unlikely(!packet->datagram)) return dropped(packet, REASON_UNSUPPORTED);
  const int ipv4 = is_mapped(backend->address);
  const int client_ipv4 = packet->version == 4;
  if (packet->checksum == 0 && !(ipv4 && client_ipv4)) {
    return dropped(packet, REASON_NO_CHECKSUM);
  }
  const __u32 link = link_bytes(backend);
  const __u32 ip = ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
  const __u32 proxy = client_ipv4 ? sizeof(struct proxy_ipv4) : sizeof(struct proxy_ipv6);
  const int grow = (int)(link + ip + proxy) - (int)(packet->offset + packet->headers);
  if (bpf_xdp_adjust_head(context, -grow) != 0) return dropped(packet, REASON_NO_HEADROOM);
  void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  if (data + link + sizeof(struct ipv6hdr) + sizeof(struct udphdr) > end) return XDP_ABORTED;

  const __be16 port = backend->port != 0 ? backend->port : packet->flow.local_port;
  const __be16 source = tunnel_port(packet->hash);
  const __u16 length = (__u16)(packet->length - packet->headers + proxy);
  struct udphdr* udp;
  __u64 sum = (__u16)~packet->checksum;
  if (ipv4) {
    write_ipv4(data + link, backend->source[3], backend->address[3], packet->tos, IPPROTO_UDP, length + ip);
    udp = data + link + sizeof(struct iphdr);
    sum += (__u64)backend->source[3] + backend->address[3];
  } else {
    write_ipv6(data + link, backend->source, backend->address, packet->tos, IPPROTO_UDP, length,
               packet->hash);
    udp = data + link + sizeof(struct ipv6hdr);
    sum = checksum_add_address(checksum_add_address(sum, backend->source), backend->address);
  }
  /* The old addresses and ports go out of the sum as they leave the header, and come back with PROXY's. The
   * length is in it twice, in the UDP header and in the pseudo header. */
  sum += (__u64)source + port + 2ull * NET16((__u16)proxy);
  if (client_ipv4) {
    struct proxy_ipv4* header = (void*)(udp + 1);
    if ((const void*)(header + 1) > end) return XDP_ABORTED;
    write_proxy_header(&header->header, PROXY_INET_DGRAM, sizeof *header - sizeof header->header);
    header->client = packet->flow.client[3];
    header->local = packet->flow.local[3];
    header->client_port = packet->flow.client_port;
    header->local_port = packet->flow.local_port;
    sum += proxy_sum(PROXY_INET_DGRAM, sizeof *header - sizeof header->header);
  } else {
    struct proxy_ipv6* header = (void*)(udp + 1);
    if ((const void*)(header + 1) > end) return XDP_ABORTED;
    write_proxy_header(&header->header, PROXY_INET6_DGRAM, sizeof *header - sizeof header->header);
    copy_address(header->client, packet->flow.client);
    copy_address(header->local, packet->flow.local);
    header->client_port = packet->flow.client_port;
    header->local_port = packet->flow.local_port;
    sum += proxy_sum(PROXY_INET6_DGRAM, sizeof *header - sizeof header->header);
  }
  udp->source = source;
  udp->dest = port;
  udp->len = NET16(length);
  udp->check = packet->checksum == 0 ? 0 : checksum_not_zero(sum);
  if (settings.fib && backend->flags & BACKEND_FIB) return transmit_routed(context, backend, link, packet);
  return transmit(context, backend, ipv4 ? NET16(ETH_P_IP) : NET16(ETH_P_IPV6));
}

/* New Ethernet addresses, and tags as the backend's segment has them. */
INLINE int deliver_on_link(struct xdp_md* context, const struct backend* backend,
                           const struct delivered* packet) {
  const __u32 link = link_bytes(backend);
  if (unlikely(link != packet->offset)) {
    if (bpf_xdp_adjust_head(context, (int)packet->offset - (int)link) != 0) {
      return dropped(packet, REASON_NO_HEADROOM);
    }
  }
  /* The routing table knows the way to addresses, and the packet keeps that of the VIP. */
  if (unlikely(backend->flags & BACKEND_FIB)) return dropped(packet, REASON_NO_ROUTE);
  return transmit(context, backend, packet->version == 4 ? NET16(ETH_P_IP) : NET16(ETH_P_IPV6));
}

INLINE int deliver(struct xdp_md* context, const struct backend* backend, const struct delivered* packet) {
  count_in(&backend_counters, backend->counters, packet->length);
  switch (backend->delivery) {
    case DELIVERY_L2:
      return deliver_on_link(context, backend, packet);
    case DELIVERY_PROXY:
      return deliver_by_proxy(context, backend, packet);
    default:
      return encapsulate(context, backend, packet);
  }
}

#endif
