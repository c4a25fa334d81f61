/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Which service a VIP's port belongs to. */
#ifndef UDP_DSR_EDGE_SERVICES_H
#define UDP_DSR_EDGE_SERVICES_H

#include "address.h"
#include "address_table.h"
#include "maps.h"

/* The value of an entry, or SERVICE_MISSING. */
INLINE __u32 find_entry(const __be32 address[4], enum service_kind kind, __u8 protocol, __u8 block) {
  return find_address(&services, settings.buckets, address, (__u32)kind << 14 | (__u32)block << 8 | protocol);
}

/* The service of a VIP's port, or 0. */
INLINE const struct service* find_service(const __be32 address[4], __be16 port) {
  const __u16 number = HOST16(port);
  __u32 value = find_entry(address, SERVICE_PORTS, IPPROTO_UDP, number / CHUNK_SLOTS);
  if (value == SERVICE_MISSING) return 0;
  if (value >= SERVICE_SPLIT) {
    const __u32 at = value - SERVICE_SPLIT;
    const struct chunk* chunk = bpf_map_lookup_elem(&slots, &at);
    if (chunk == 0) return 0;
    value = chunk->slots[number % CHUNK_SLOTS];
  }
  return bpf_map_lookup_elem(&service_table, &value);
}

/* Whether an address is a VIP whose echo requests are answered. */
INLINE int is_vip(const __be32 address[4]) {
  return find_entry(address, SERVICE_VIP, 0, 0) != SERVICE_MISSING;
}

#endif
