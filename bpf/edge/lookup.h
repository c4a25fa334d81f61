/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* From a flow to its backend: a fixed number of lookups, all in arrays. */
#ifndef UDP_DSR_EDGE_LOOKUP_H
#define UDP_DSR_EDGE_LOOKUP_H

#include "flow_hash.h"
#include "services.h"

/* The secret of a service. It is known before the service is, if it is the usual one: the hash of the flow,
 * half of a packet's time, begins while the service is still looked for. */
INLINE struct flow_secret secret_of(const struct service* service) {
  const __u32 only = 0;
  const __u64 own = *(const __u64*)service->secret.words;
  const struct flow_secret* usual = bpf_map_lookup_elem(&usual_secret, &only);
  __u64 secret = usual != 0 ? *(const __u64*)usual->words : 0;
  __u64 compared = secret;
  OPAQUE(compared); /* or the compiler would see that it is the service's in any case, and take that */
  if (unlikely(compared != own)) secret = own;
  return (struct flow_secret){{(__u32)secret, (__u32)(secret >> 32)}};
}

/* The hash of a flow under a secret: that of src/pinning. `version` 4 spares to
 * look whether the addresses are v4-mapped. Ports are 0 where they are not known. */
INLINE __u32 hash_flow(const struct flow_ipv6* flow, __u8 version, __u8 affinity, struct flow_secret secret) {
  if (version == 4 ||
      (is_mapped(flow->client) && (affinity != FLOW_AFFINITY_FLOW || is_mapped(flow->local)))) {
    const struct flow_ipv4 ipv4 = {.client = flow->client[3],
                                   .local = flow->local[3],
                                   .client_port = flow->client_port,
                                   .local_port = flow->local_port};
    if (affinity == FLOW_AFFINITY_CLIENT_IP) return flow_hash_ipv4(&ipv4, FLOW_AFFINITY_CLIENT_IP, secret);
    if (affinity == FLOW_AFFINITY_CLIENT_IP_PORT)
      return flow_hash_ipv4(&ipv4, FLOW_AFFINITY_CLIENT_IP_PORT, secret);
    return flow_hash_ipv4(&ipv4, FLOW_AFFINITY_FLOW, secret);
  }
  struct flow_key key;
  if (affinity == FLOW_AFFINITY_CLIENT_IP) {
    flow_key_ipv6(&key, flow, FLOW_AFFINITY_CLIENT_IP);
    return half_siphash_24(key.words, 16, secret);
  }
  if (affinity == FLOW_AFFINITY_CLIENT_IP_PORT) {
    flow_key_ipv6(&key, flow, FLOW_AFFINITY_CLIENT_IP_PORT);
    return half_siphash_24(key.words, 18, secret);
  }
  flow_key_ipv6(&key, flow, FLOW_AFFINITY_FLOW);
  return half_siphash_24(key.words, 36, secret);
}

/* What a table has for a hash; BACKEND_NONE where there is no table. */
INLINE __u32 slot_of(table_word table, __u32 hash) {
  const __u32 slot = flow_slot(hash, TABLE_SIZE(table));
  const __u32 at = TABLE_FIRST(table) + slot / CHUNK_SLOTS;
  const struct chunk* chunk = bpf_map_lookup_elem(&slots, &at);
  if (table == 0 || chunk == 0) return BACKEND_NONE;
  return chunk->slots[slot % CHUNK_SLOTS];
}

INLINE const struct backend* backend_at(__u32 index) { return bpf_map_lookup_elem(&backends, &index); }

#endif
