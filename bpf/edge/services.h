/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Which service a VIP's port belongs to. src/forwarder/service-buckets.ts fills what is read here. */
#ifndef UDP_DSR_EDGE_SERVICES_H
#define UDP_DSR_EDGE_SERVICES_H

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

INLINE int is_same(const __be32 one[4], const __be32 other[4]) {
  return one[3] == other[3] && one[2] == other[2] && one[1] == other[1] && one[0] == other[0];
}

/* Odd numbers without a pattern (the digits of the golden ratio, and of MurmurHash3's finalizer). It is the
 * owner of the table who chooses what is in it, so the hash needs no secret. */
#define MIX_1 0x9e3779b97f4a7c15ull
#define MIX_2 0xff51afd7ed558ccdull

INLINE __u64 service_hash(const __be32 address[4], __u32 about) {
  __u64 hash =
      ((__u64)address[0] << 32 | address[1]) * MIX_1 + ((__u64)address[3] << 32 | address[2]) + about;
  hash = (hash ^ hash >> 32) * MIX_2;
  hash = (hash ^ hash >> 29) * MIX_1;
  return hash ^ hash >> 32;
}

INLINE __u32 find_in_bucket(__u32 index, __u32 tag, const __be32 address[4]) {
  const struct service_bucket* bucket = bpf_map_lookup_elem(&services, &index);
  if (bucket == 0) return SERVICE_MISSING;
  UNROLL
  for (int i = 0; i < BUCKET_ENTRIES; i++) {
    const __u64 word = READ_ONCE(bucket->words[i]);
    if ((__u32)word == tag && is_same(bucket->vips[i].address, address)) return (__u32)(word >> 32);
  }
  return SERVICE_MISSING;
}

/* The value of an entry, or SERVICE_MISSING. */
INLINE __u32 find_entry(const __be32 address[4], enum service_kind kind, __u8 protocol, __u8 block) {
  const __u32 about = (__u32)kind << 14 | (__u32)block << 8 | protocol;
  const __u64 hash = service_hash(address, about);
  const __u32 tag = 1u << 31 | (__u32)(hash >> 49) << 16 | about;
  const __u32 mask = settings.buckets - 1;
  const __u32 value = find_in_bucket((__u32)hash & mask, tag, address);
  return likely(value != SERVICE_MISSING) ? value : find_in_bucket((__u32)(hash >> 20) & mask, tag, address);
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
