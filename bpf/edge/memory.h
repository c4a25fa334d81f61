/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Flows and ports whose backend is remembered (settings.flow_table, draining, learned_ports). Keys are 64
 * bits of HalfSipHash under the service's secret, so that nobody can aim at an entry of somebody else. */
#ifndef UDP_DSR_EDGE_MEMORY_H
#define UDP_DSR_EDGE_MEMORY_H

#include "delivered.h"
#include "flow_cache.h"
#include "lookup.h"

/* Another secret that follows from a service's. */
INLINE struct flow_secret other_secret(struct flow_secret secret, __u32 tweak) {
  return (struct flow_secret){.words = {secret.words[0] ^ tweak, secret.words[1] ^ ~tweak}};
}

/* Any numbers, one for each use. */
enum { TWEAK_FLOW = 0x5bd1e995, TWEAK_PORT_HIGH = 0x27d4eb2f, TWEAK_PORT_LOW = 0x165667b1 };

/* What of a flow its affinity looks at. */
INLINE __u64 key_of_flow(const struct service* service, const struct delivered* packet) {
  const struct flow_secret secret = other_secret(service->secret, TWEAK_FLOW ^ service->memory);
  return (__u64)packet->hash << 32 | hash_flow(&packet->flow, packet->version, service->affinity, secret);
}

INLINE __u64 key_of_port(const struct service* service, const __be32 address[4], __be16 port) {
  const __u32 words[] = {address[0], address[1], address[2], address[3], port};
  const __u32 high = half_siphash_24(words, sizeof words, other_secret(service->secret, TWEAK_PORT_HIGH));
  return (__u64)high << 32 |
         half_siphash_24(words, sizeof words, other_secret(service->secret, TWEAK_PORT_LOW));
}

INLINE struct flow_set* set_of(__u64 key) {
  const __u32 at = flow_set_of(key, settings.flow_sets);
  return bpf_map_lookup_elem(&flows, &at);
}

/* The index of the backend that is remembered under a key, or BACKEND_NONE. `touch`: it is in use. */
INLINE __u32 recall(__u64 key, int touch) {
  struct flow_set* set = set_of(key);
  if (set == 0) return BACKEND_NONE;
  const __u32 now = flow_clock();
  __u64 rest;
  struct flow_entry* entry = flow_find(set, key, now, settings.flow_idle, &rest);
  if (entry == 0) return BACKEND_NONE;
  const __u32 index = FLOW_VALUE(rest);
  const struct backend* backend = backend_at(index);
  if (backend == 0 || flow_check(key, backend->epoch) != FLOW_CHECK(rest)) return BACKEND_NONE;
  if (touch) flow_touch(entry, rest, now);
  return index;
}

/* `epoch` is that of the backend. */
INLINE void remember(__u64 key, __u32 index, __u32 epoch) {
  struct flow_set* set = set_of(key);
  if (set != 0) flow_put(set, key, (__u16)index, flow_check(key, epoch), flow_clock());
}

#endif
