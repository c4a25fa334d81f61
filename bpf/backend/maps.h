/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The maps of a backend, and its settings. What they hold is in layouts.h. */
#ifndef UDP_DSR_BACKEND_MAPS_H
#define UDP_DSR_BACKEND_MAPS_H

#include "address.h"
#include "address_table.h"
#include "bpf.h"
#include "layouts.h"

/* Sizes for those who load the object file as it is; a loader may choose others. */
#define BUCKETS 1024
#define FLOW_SETS 1 /* `returns` is off in the file */

const volatile struct backend_settings settings = {
    .ipip = 1, .gue = 1, .gue_port = NET16(6080), .buckets = BUCKETS, .flow_sets = FLOW_SETS};

/* Addresses of this host that tunnels end at, and edges (enum host_kind). */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, BUCKETS);
  MAP_NUMBER(map_flags, BPF_F_MMAPABLE);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct address_bucket);
} hosts MAP;

/* The same by their numbers, for `returns`. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, HOST_EDGES + HOST_ENDPOINTS);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct host_address);
} host_addresses MAP;

/* Which way clients came. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, FLOW_SETS);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct flow_set);
} ways MAP;

/* What came from each edge. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, HOST_EDGES);
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

INLINE void count(enum reason reason, __u32 bytes) { count_in(&reason_counters, reason, bytes); }

/* The number of an edge or endpoint, or ADDRESS_MISSING. With three words that the compiler knows a look
 * takes a tenth less of the program's time. */
INLINE __u32 find_host(const __be32 address[4], __u8 version, enum host_kind kind) {
  const __u32 about = (__u32)kind << 14;
  if (likely(version == 4)) {
    __be32 mapped[4];
    map_address(mapped, address[3]);
    return find_address(&hosts, settings.buckets, mapped, about);
  }
  return find_address(&hosts, settings.buckets, address, about);
}

/* The same of an endpoint, whose number is of interest to ways alone. */
INLINE __u32 find_endpoint(const __be32 address[4], __u8 version) {
  if (!settings.returns && version == 4 && settings.usual_ipv4 != 0 && address[3] == settings.usual_ipv4)
    return 0;
  if (!settings.returns && version == 6) {
    __be32 usual[4];
    UNROLL
    for (int i = 0; i < 4; i++) usual[i] = settings.usual_ipv6.address[i];
    if (!is_unspecified(usual) && is_same(address, usual)) return 0;
  }
  return find_host(address, version, HOST_ENDPOINT);
}

#endif
