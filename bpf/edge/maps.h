/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The maps of the edge, and its settings. What they hold is in layouts.h. */
#ifndef UDP_DSR_EDGE_MAPS_H
#define UDP_DSR_EDGE_MAPS_H

#include <linux/in.h>

#include "bpf.h"
#include "layouts.h"

/* Sizes for those who load the object file as it is; a loader may choose others. */
#define BUCKETS 4096
#define SERVICE_TABLE 4096
#define POOLS 1024
#define CHUNKS 16384
#define BACKENDS 8192
#define COUNTERS 8192
#define SOURCES 1024
#define ENDPOINTS 64
#define QUIC_SERVERS 1024
#define FLOW_SETS 1 /* options that remember are off in the file */
#define EVENT_BYTES 4096

const volatile struct edge_settings settings = {
    .fragments = 1,
    .buckets = BUCKETS,
    .flow_sets = FLOW_SETS,
    .flow_idle = 30,
    .icmp_interval = 10,
};

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, BUCKETS);
  MAP_NUMBER(map_flags, BPF_F_MMAPABLE);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct address_bucket);
} services MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, SERVICE_TABLE);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct service);
} service_table MAP;

/* The secret that services have, so that the hash of a flow does not wait for the service. Of no consequence:
 * what is hashed with is the service's. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct flow_secret);
} usual_secret MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, POOLS);
  MAP_NUMBER(map_flags, BPF_F_MMAPABLE);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct pool);
} pools MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, CHUNKS);
  MAP_NUMBER(map_flags, BPF_F_MMAPABLE);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct chunk);
} slots MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, BACKENDS);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct backend);
} backends MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, COUNTERS);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct counter);
} service_counters MAP, backend_counters MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, REASON_COUNT);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct counter);
} reason_counters MAP;

/* Backends whose encapsulated replies are taken, and the addresses they send them to. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
  MAP_NUMBER(max_entries, SOURCES);
  MAP_TYPE(key, struct source_key);
  MAP_TYPE(value, __u32);
} sources MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
  MAP_NUMBER(max_entries, ENDPOINTS);
  MAP_TYPE(key, struct source_key);
  MAP_TYPE(value, struct endpoint);
} endpoints MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
  MAP_NUMBER(max_entries, QUIC_SERVERS);
  MAP_TYPE(key, struct quic_server_key);
  MAP_TYPE(value, __u32);
} quic_servers MAP;

/* Flows and ports whose backend is remembered. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, FLOW_SETS);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct flow_set);
} flows MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_RINGBUF);
  MAP_NUMBER(max_entries, EVENT_BYTES);
} events MAP;

/* What is left of the right to send too-big messages: one a CPU. */
struct allowance {
  __u64 refilled; /* ns since boot */
  __u64 messages;
};

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct allowance);
} icmp_allowance MAP;

INLINE void count_in(void* map, __u32 index, __u32 bytes) {
  struct counter* counter = bpf_map_lookup_elem(map, &index);
  if (counter == 0) return;
  counter->packets++;
  counter->bytes += bytes;
}

/* Counts a packet that was not simply forwarded. Returns the verdict. */
INLINE int ended(enum reason reason, __u32 bytes, int verdict) {
  count_in(&reason_counters, reason, bytes);
  return verdict;
}

#endif
