/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Which way clients came, so that replies go back the same way: a client's way to a VIP is the edge that the
 * last of its packets came from, and the address that the edge sent it to. What was forgotten leaves as if
 * there were no memory, straight to the client. */
#ifndef UDP_DSR_BACKEND_WAYS_H
#define UDP_DSR_BACKEND_WAYS_H

#include "flow_cache.h"
#include "maps.h"
#include "wrapped.h"

/* Both ends, without ports: fragments go the same way. */
struct pair {
  __be32 client[4];
  __be32 vip[4];
};

/* Of IPv4 exact, of IPv6 a keyed hash that nobody can aim with. */
INLINE __u64 key_of_pair(const struct pair* pair, __u8 version) {
  if (version == 4) return (__u64)pair->client[3] << 32 | pair->vip[3];
  const __u32* words = (const __u32*)pair;
  return (__u64)half_siphash_24(words, sizeof *pair, flow_half_secret(settings.secret, 1)) << 32 |
         half_siphash_24(words, sizeof *pair, flow_half_secret(settings.secret, 2));
}

INLINE struct flow_set* set_of_pair(__u64 key, __u8 version) {
  const __u32 at = version == 4 ? flow_set_of_exact(key, settings.secret, settings.flow_sets)
                                : flow_set_of(key, settings.flow_sets);
  return bpf_map_lookup_elem(&ways, &at);
}

#define WAY(edge, endpoint) ((__u16)((edge) << 8 | (endpoint)))
#define WAY_EDGE(way) ((__u32)(way) >> 8)
#define WAY_ENDPOINT(way) ((__u32)(way)&0xff)

INLINE void remember_way(const struct pair* pair, __u8 version, __u32 edge, __u32 endpoint) {
  const __u64 key = key_of_pair(pair, version);
  struct flow_set* set = set_of_pair(key, version);
  if (set == 0) return;
  const __u16 way = WAY(edge, endpoint);
  const __u32 now = flow_clock();
  __u64 rest;
  struct flow_entry* entry = flow_find(set, key, now, settings.flow_idle, &rest);
  if (entry != 0 && FLOW_VALUE(rest) == way) {
    flow_touch(entry, rest, now);
  } else {
    flow_put(set, key, way, flow_check(key, 0), now);
  }
}

/* The way of a pair by its key; 0 when none is remembered. */
INLINE int recall_way(__u64 key, __u8 version, __u16* way) {
  struct flow_set* set = set_of_pair(key, version);
  if (set == 0) return 0;
  __u64 rest;
  if (flow_find(set, key, flow_clock(), settings.flow_idle, &rest) == 0) return 0;
  *way = FLOW_VALUE(rest);
  return flow_check(key, 0) == FLOW_CHECK(rest);
}

/* Notes by what tunnel an edge sends, which is how it will get replies. */
INLINE void note_tunnel(__u32 edge, __u32 gue) {
  struct host_address* address = bpf_map_lookup_elem(&host_addresses, &edge);
  if (address != 0 && address->gue != gue) address->gue = gue;
}

/* Notes which way a packet came whose IP header is at `ip`. */
INLINE void note_way(const void* ip, const void* end, const struct wrapped* packet) {
  struct pair pair = {};
  if (packet->carried == 4) {
    const struct iphdr* header = ip;
    if ((const void*)(header + 1) > end || header->protocol == IPPROTO_ICMP) return;
    pair.client[3] = header->saddr;
    pair.vip[3] = header->daddr;
  } else {
    const struct ipv6hdr* header = ip;
    if ((const void*)(header + 1) > end || header->nexthdr == IPV6_ICMP) return;
    memcpy(pair.client, &header->saddr, sizeof pair.client);
    memcpy(pair.vip, &header->daddr, sizeof pair.vip);
  }
  note_tunnel(packet->edge, packet->wrapping == WRAPPING_GUE);
  remember_way(&pair, packet->carried, packet->edge, packet->endpoint);
}

#endif
