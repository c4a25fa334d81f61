/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* From a packet's addresses to its backend: a fixed number of lookups. */
#ifndef UDP_DSR_EDGE_LOOKUP_H
#define UDP_DSR_EDGE_LOOKUP_H

#include "flow_hash.h"
#include "maps.h"

/* ::ffff:0:0/96 (RFC 4291 §2.5.5.2), third word. */
#define V4_MAPPED NET32(0x0000ffff)

INLINE void map_address(__be32 to[4], __be32 ipv4) {
  to[0] = 0;
  to[1] = 0;
  to[2] = V4_MAPPED;
  to[3] = ipv4;
}

INLINE void copy_address(__be32 to[4], const __be32 from[4]) {
  to[0] = from[0];
  to[1] = from[1];
  to[2] = from[2];
  to[3] = from[3];
}

INLINE int is_mapped(const __be32 address[4]) {
  return address[2] == V4_MAPPED && address[0] == 0 && address[1] == 0;
}

/* The service of a VIP's port, or 0. The address is in the key. */
INLINE const struct service* find_service(struct service_key* key, __be16 port) {
  const __u16 number = HOST16(port);
  key->kind = SERVICE_PORTS;
  key->protocol = IPPROTO_UDP;
  key->block = number / CHUNK_SLOTS;
  key->reserved = 0;
  const struct service_entry* entry = bpf_map_lookup_elem(&services, key);
  if (entry == 0) return 0;
  __u32 index = entry->service;
  if (index == SERVICE_SPLIT) {
    const __u32 at = entry->chunk;
    const struct chunk* chunk = bpf_map_lookup_elem(&slots, &at);
    if (chunk == 0) return 0;
    index = chunk->slots[number % CHUNK_SLOTS];
  }
  return bpf_map_lookup_elem(&service_table, &index);
}

/* What the VIP in the key has of another kind than ports. */
INLINE const struct service_entry* find_entry(struct service_key* key, enum service_kind kind,
                                              __u8 protocol) {
  key->kind = kind;
  key->protocol = protocol;
  key->block = 0;
  key->reserved = 0;
  return bpf_map_lookup_elem(&services, key);
}

/* Whether an address is a VIP whose echo requests are answered. */
INLINE int is_vip(const __be32 address[4]) {
  struct service_key key;
  copy_address(key.address, address);
  return find_entry(&key, SERVICE_VIP, 0) != 0;
}

/* The hash of a flow under its service's secret: that of src/pinning. Ports are 0 where they are not known.
 */
INLINE __u32 hash_of(const struct service* service, const struct flow_ipv6* flow) {
  const __u8 affinity = service->affinity;
  if (is_mapped(flow->client) && (affinity != FLOW_AFFINITY_FLOW || is_mapped(flow->local))) {
    const struct flow_ipv4 ipv4 = {.client = flow->client[3],
                                   .local = flow->local[3],
                                   .client_port = flow->client_port,
                                   .local_port = flow->local_port};
    if (affinity == FLOW_AFFINITY_CLIENT_IP)
      return flow_hash_ipv4(&ipv4, FLOW_AFFINITY_CLIENT_IP, service->secret);
    if (affinity == FLOW_AFFINITY_CLIENT_IP_PORT)
      return flow_hash_ipv4(&ipv4, FLOW_AFFINITY_CLIENT_IP_PORT, service->secret);
    return flow_hash_ipv4(&ipv4, FLOW_AFFINITY_FLOW, service->secret);
  }
  struct flow_key key;
  if (affinity == FLOW_AFFINITY_CLIENT_IP) {
    flow_key_ipv6(&key, flow, FLOW_AFFINITY_CLIENT_IP);
    return half_siphash_24(key.words, 16, service->secret);
  }
  if (affinity == FLOW_AFFINITY_CLIENT_IP_PORT) {
    flow_key_ipv6(&key, flow, FLOW_AFFINITY_CLIENT_IP_PORT);
    return half_siphash_24(key.words, 18, service->secret);
  }
  flow_key_ipv6(&key, flow, FLOW_AFFINITY_FLOW);
  return half_siphash_24(key.words, 36, service->secret);
}

/* What a table has for a hash; BACKEND_NONE where there is no table. */
INLINE __u32 slot_of(table_word table, __u32 hash) {
  const __u32 slot = flow_slot(hash, TABLE_SIZE(table));
  const __u32 at = TABLE_FIRST(table) + slot / CHUNK_SLOTS;
  const struct chunk* chunk = bpf_map_lookup_elem(&slots, &at);
  if (table == 0 || chunk == 0) return BACKEND_NONE;
  return chunk->slots[slot % CHUNK_SLOTS];
}

/* The backend of a flow, or 0. */
INLINE const struct backend* pick(const struct service* service, __u32 hash) {
  const __u32 number = service->pool;
  const struct pool* pool = bpf_map_lookup_elem(&pools, &number);
  if (pool == 0) return 0;
  const __u32 index = slot_of(READ_ONCE(pool->current), hash);
  return bpf_map_lookup_elem(&backends, &index);
}

#endif
