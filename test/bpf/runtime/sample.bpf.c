/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A little of everything that programs have and the loader must understand. */
#include "bpf.h"

struct sample_settings {
  __u32 verdict; /* of `first` and `second` */
  __u32 ifindex; /* to which `emit` sends */
};

const volatile struct sample_settings settings = {.verdict = XDP_PASS};

/* Which program ran how often: its place in this file. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, 8);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, __u64);
} hits MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, 4);
  MAP_NUMBER(map_flags, BPF_F_MMAPABLE);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, __u32);
} words MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
  MAP_NUMBER(max_entries, 4);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, __u64);
} known MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_RINGBUF);
  MAP_NUMBER(max_entries, 4096);
} events MAP;

INLINE void hit(__u32 index) {
  __u64* count = bpf_map_lookup_elem(&hits, &index);
  if (count) ++*count;
}

SECTION("xdp") int first(struct xdp_md* context __attribute__((unused))) {
  hit(0);
  return settings.verdict;
}

SECTION("xdp") int second(struct xdp_md* context __attribute__((unused))) {
  hit(1);
  return settings.verdict;
}

SECTION("xdp") int emit(struct xdp_md* context __attribute__((unused))) {
  return bpf_redirect(settings.ifindex, 0);
}

/* Answers word 1, and writes an event as long as word 0 says: eight bytes each with its number. */
SECTION("xdp") int tell(struct xdp_md* context __attribute__((unused))) {
  __u32 key = 0;
  __u32* length = bpf_map_lookup_elem(&words, &key);
  key = 1;
  __u32* answer = bpf_map_lookup_elem(&words, &key);
  key = 2;
  __u32* number = bpf_map_lookup_elem(&words, &key);
  if (length == 0 || answer == 0 || number == 0) return XDP_ABORTED;
  __u64 event[4] = {*number, *number, *number, *number};
  __u32 bytes = *length & 31;
  if (bytes && bpf_ringbuf_output(&events, event, bytes, 0) < 0) return XDP_DROP;
  ++*number;
  return *answer;
}

SECTION("tc") int mark(struct __sk_buff* packet __attribute__((unused))) {
  hit(2);
  return -1; /* TC_ACT_UNSPEC: what comes next decides */
}

SECTION("tc") int block(struct __sk_buff* packet __attribute__((unused))) {
  hit(3);
  return 2; /* TC_ACT_SHOT */
}

SECTION("cgroup/sendmsg4") int sending(struct bpf_sock_addr* context __attribute__((unused))) {
  hit(4);
  return 1;
}

LICENSE("Dual MIT/GPL");
