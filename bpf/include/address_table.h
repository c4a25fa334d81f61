/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A table that is searched by an address (struct address_bucket). src/forwarder/address-table.ts fills what
 * is read here. */
#ifndef UDP_DSR_ADDRESS_TABLE_H
#define UDP_DSR_ADDRESS_TABLE_H

#include "bpf.h"
#include "layouts.h"

INLINE int is_same(const __be32 one[4], const __be32 other[4]) {
  return one[3] == other[3] && one[2] == other[2] && one[1] == other[1] && one[0] == other[0];
}

/* Odd numbers without a pattern (the digits of the golden ratio, and of MurmurHash3's finalizer). It is the
 * owner of the table who chooses what is in it, so the hash needs no secret. */
#define MIX_1 0x9e3779b97f4a7c15ull
#define MIX_2 0xff51afd7ed558ccdull

INLINE __u64 address_hash(const __be32 address[4], __u32 about) {
  __u64 hash =
      ((__u64)address[0] << 32 | address[1]) * MIX_1 + ((__u64)address[3] << 32 | address[2]) + about;
  hash = (hash ^ hash >> 32) * MIX_2;
  hash = (hash ^ hash >> 29) * MIX_1;
  return hash ^ hash >> 32;
}

INLINE __u32 find_in_bucket(void* table, __u32 index, __u32 tag, const __be32 address[4]) {
  const struct address_bucket* bucket = bpf_map_lookup_elem(table, &index);
  if (bucket == 0) return ADDRESS_MISSING;
  UNROLL
  for (int i = 0; i < BUCKET_ENTRIES; i++) {
    const __u64 word = READ_ONCE(bucket->words[i]);
    if ((__u32)word == tag && is_same(bucket->addresses[i].address, address)) return (__u32)(word >> 32);
  }
  return ADDRESS_MISSING;
}

/* The value of an entry, or ADDRESS_MISSING. `about` has 16 bits; `buckets` is a power of two. */
INLINE __u32 find_address(void* table, __u32 buckets, const __be32 address[4], __u32 about) {
  const __u64 hash = address_hash(address, about);
  const __u32 tag = 1u << 31 | (__u32)(hash >> 49) << 16 | about;
  const __u32 value = find_in_bucket(table, (__u32)hash & (buckets - 1), tag, address);
  if (likely(value != ADDRESS_MISSING)) return value;
  return find_in_bucket(table, (__u32)(hash >> 20) & (buckets - 1), tag, address);
}

#endif
