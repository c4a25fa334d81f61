// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// A backend: takes packets out of the tunnels (IP in IP, GUE variant 1) of the edges that it knows, so that
// programs see the client and the VIP (XDP). What is in no tunnel to this host goes on untouched.
#include "tunnel.h"

#include "address_table.h"
#include "layouts.h"

/* Sizes for those who load the object file as it is; a loader may choose others. */
#define EDGES 256
#define BUCKETS 1024

const volatile struct backend_settings settings = {
    .ipip = 1, .gue = 1, .gue_port = NET16(6080), .buckets = BUCKETS};

/* Addresses of this host that tunnels end at, and edges (enum host_kind). */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, BUCKETS);
  MAP_NUMBER(map_flags, BPF_F_MMAPABLE);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct address_bucket);
} hosts MAP;

/* What came from each edge. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, EDGES);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct counter);
} edge_counters MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, REASON_COUNT);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct counter);
} reason_counters MAP;

INLINE void count_in(void* map, __u32 index, __u32 bytes) {
  struct counter* counter = bpf_map_lookup_elem(map, &index);
  if (counter == 0) return;
  counter->packets++;
  counter->bytes += bytes;
}

INLINE int ended(enum reason reason, __u32 bytes, int verdict) {
  count_in(&reason_counters, reason, bytes);
  return verdict;
}

/* A packet around another one. */
struct tunnel {
  __be32 from[4];
  __be32 to[4];
  __u32 link;    /* bytes before its IP header: Ethernet and tags */
  __u32 inner;   /* offset of the packet inside */
  __u32 length;  /* bytes of the IP packet */
  __u8 protocol; /* what its header says is inside: an IP version's number, or UDP */
  __u8 tos;
  __u8 fragment; /* a part of a larger packet */
  __u8 later;    /* not the first part: it has no UDP header */
};

/* Whether what follows an IP header can be a tunnel's. `at` is where it begins. */
INLINE int is_tunnel(const void* data, const void* end, __u32 at, struct tunnel* tunnel) {
  tunnel->inner = at;
  if (tunnel->protocol == IPPROTO_IPIP || tunnel->protocol == IPPROTO_IPV6) return settings.ipip;
  if (tunnel->protocol != IPPROTO_UDP || !settings.gue || tunnel->later) return 0;
  const struct udphdr* udp = data + at;
  if ((const void*)(udp + 1) > end || udp->dest != settings.gue_port) return 0;
  tunnel->inner += sizeof *udp;
  return 1;
}

INLINE int read_tunnel(const void* data, const void* end, struct tunnel* tunnel) {
  __be16 protocol;
  tunnel->link = parse_ethernet(data, end, &protocol);
  if (tunnel->link == 0) return 0;
  if (protocol == NET16(ETH_P_IP)) {
    const struct iphdr* ip;
    const __u32 at = parse_ipv4(data, end, tunnel->link, &ip);
    if (at == 0) return 0;
    tunnel->protocol = ip->protocol;
    tunnel->tos = ip->tos;
    tunnel->length = HOST16(ip->tot_len);
    tunnel->fragment = (ip->frag_off & IPV4_FRAGMENT) != 0;
    tunnel->later = (ip->frag_off & IPV4_OFFSET) != 0;
    tunnel->from[2] = tunnel->to[2] = NET32(0x0000ffff);
    tunnel->from[3] = ip->saddr;
    tunnel->to[3] = ip->daddr;
    return is_tunnel(data, end, at, tunnel);
  }
  if (protocol == NET16(ETH_P_IPV6)) {
    const struct ipv6hdr* ip = data + tunnel->link;
    /* An edge makes no extension headers. */
    if ((const void*)(ip + 1) > end || ip->version != 6) return 0;
    tunnel->protocol = ip->nexthdr;
    tunnel->tos = (__u8)(ip->priority << 4 | ip->flow_lbl[0] >> 4);
    tunnel->length = HOST16(ip->payload_len) + sizeof *ip;
    memcpy(tunnel->from, &ip->saddr, sizeof tunnel->from);
    memcpy(tunnel->to, &ip->daddr, sizeof tunnel->to);
    return is_tunnel(data, end, tunnel->link + sizeof *ip, tunnel);
  }
  return 0;
}

/* The version of the packet inside; 0 when there is none that fits, or not the one that was announced. */
INLINE __u8 inner_version(const void* at, const void* end, const struct tunnel* tunnel) {
  const struct iphdr* ip = at;
  if ((const void*)(ip + 1) > end) return 0;
  __u64 room = (__u64)(end - at);
  OPAQUE(room);
  if (ip->version == 4 && tunnel->protocol != IPPROTO_IPV6) {
    const __u32 length = HOST16(ip->tot_len);
    return ip->ihl >= sizeof *ip / 4 && length >= ip->ihl * 4u && length <= room ? 4 : 0;
  }
  if (ip->version == 6 && tunnel->protocol != IPPROTO_IPIP) {
    const struct ipv6hdr* header = at;
    if ((const void*)(header + 1) > end) return 0;
    return HOST16(header->payload_len) + sizeof *header <= room ? 6 : 0;
  }
  return 0;
}

/* What lies before an IP header: Ethernet addresses, and up to two tags with the type. */
struct link {
  __u32 addresses[3];
  __u16 rest[1 + 2 * VLAN_TAGS];
};

/* Takes away what is between link header and inner packet. */
INLINE int unwrap(struct xdp_md* context, const struct tunnel* tunnel, __u8 version) {
  const void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  struct link link;
  if (data + sizeof link > end) return XDP_ABORTED;
  const __be16 type = version == 4 ? NET16(ETH_P_IP) : NET16(ETH_P_IPV6);
  memcpy(&link, data, sizeof link.addresses);
  const __u32 tags = (tunnel->link - sizeof(struct ethhdr)) / sizeof(struct vlan_header);
  if (unlikely(tags != 0)) {
    UNROLL
    for (__u32 i = 0; i < sizeof link.rest / 2; i++)
      link.rest[i] = *(const __u16*)(data + sizeof link.addresses + 2 * i);
  }
  if (bpf_xdp_adjust_head(context, (int)(tunnel->inner - tunnel->link)) != 0) return XDP_ABORTED;
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

INLINE __u32 find_host(const __be32 address[4], enum host_kind kind) {
  return find_address(&hosts, settings.buckets, address, (__u32)kind << 14);
}

INLINE int decapsulate(struct xdp_md* context) {
  void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  struct tunnel tunnel = {};
  if (!read_tunnel(data, end, &tunnel)) return XDP_PASS;
  if (find_host(tunnel.to, HOST_ENDPOINT) == ADDRESS_MISSING) return XDP_PASS;
  const __u32 edge = find_host(tunnel.from, HOST_EDGE);
  if (edge == ADDRESS_MISSING) return ended(REASON_UNTRUSTED, tunnel.length, XDP_DROP);
  if (tunnel.fragment) return ended(REASON_UNSUPPORTED, tunnel.length, XDP_PASS);
  void* inner = data + (tunnel.inner & 0xff); /* which it is, by far: for the verifier */
  OPAQUE(inner);
  const __u8 version = inner_version(inner, end, &tunnel);
  if (version == 0 || inner + sizeof(struct iphdr) > end || !take_over_mark(inner, version, tunnel.tos)) {
    return ended(REASON_MALFORMED, tunnel.length, XDP_DROP);
  }
  count_in(&edge_counters, edge, tunnel.length);
  return unwrap(context, &tunnel, version);
}

SECTION("xdp")
int backend_xdp(struct xdp_md* context) { return decapsulate(context); }

LICENSE("Dual MIT/GPL");
