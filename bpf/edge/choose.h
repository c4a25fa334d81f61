/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Which backend a packet goes to. */
#ifndef UDP_DSR_EDGE_CHOOSE_H
#define UDP_DSR_EDGE_CHOOSE_H

#include "memory.h"
#include "quic.h"

/* While somebody drains: the backend that leaves, if the flow is one of those that it keeps, or BACKEND_NONE.
 * Only flows in its slots of the old table touch memory. */
INLINE __u32 kept(const struct pool* pool, const struct delivered* packet) {
  const table_word previous = READ_ONCE(pool->previous);
  if (likely(previous == 0)) return BACKEND_NONE;
  const __u32 index = slot_of(previous, packet->hash);
  const struct backend* backend = backend_at(index);
  if (backend == 0 || (backend->flags & BACKEND_DRAINING) == 0) return BACKEND_NONE;
  const __u64 key = key_of_flow(packet->service, packet);
  if (recall(key, !packet->error) == index) return index;
  if (TABLE_PHASE(previous) != DRAIN_LEARN) return BACKEND_NONE;
  if (!packet->error) remember(key, index, backend->epoch);
  return index;
}

/* What the pool's table says. */
INLINE __u32 by_table(const struct delivered* packet) {
  const __u32 number = packet->service->pool;
  const struct pool* pool = bpf_map_lookup_elem(&pools, &number);
  if (pool == 0) return BACKEND_NONE;
  if (settings.draining) {
    const __u32 index = kept(pool, packet);
    if (index != BACKEND_NONE) return index;
  }
  return slot_of(READ_ONCE(pool->current), packet->hash);
}

/* The index of a packet's backend, or BACKEND_NONE. First who owns its port, then whom it names, then where
 * its flow went before, and then the table.
 *
 * An index, though what lies there has been looked at: the verifier goes through the rest of the program
 * once, and not once for each way that led to a backend. */
INLINE __u32 choose(const struct xdp_md* context, const struct delivered* packet) {
  const struct service* service = packet->service;
  __u32 index;
  if (settings.learned_ports && service->flags & SERVICE_LEARN_PORTS && !packet->fragment) {
    index = recall(key_of_port(service, packet->flow.local, packet->flow.local_port), 0);
    if (index != BACKEND_NONE) return index;
  }
  if (settings.quic && service->flags & SERVICE_QUIC && !packet->error && !packet->fragment) {
    index = named_by_quic(context, packet);
    if (index != BACKEND_NONE) return index;
  }
  if (!settings.flow_table || (service->flags & SERVICE_FLOW_TABLE) == 0) return by_table(packet);
  const __u64 key = key_of_flow(service, packet);
  index = recall(key, !packet->error);
  if (index != BACKEND_NONE) return index;
  index = by_table(packet);
  const struct backend* backend = backend_at(index);
  if (backend != 0 && !packet->error) remember(key, index, backend->epoch);
  return index;
}

#endif
