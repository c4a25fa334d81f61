/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What every program needs of the kernel's BPF interface, so that clang and the kernel's own headers are
 * enough to compile it: helper functions (bpf-helpers(7)), and maps as libbpf's loaders read them from BTF.
 */
#ifndef UDP_DSR_BPF_H
#define UDP_DSR_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("clang loop unroll(full)")

/* Fields of a map's definition: numbers are the length of an array type, types are those of pointers. */
#define MAP_NUMBER(name, value) int(*name)[value]
#define MAP_TYPE(name, value) typeof(value)* name
#define MAP SECTION(".maps")

#define LICENSE(text) char license_text[] SECTION("license") = text

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)
#define memcpy __builtin_memcpy
#define memset __builtin_memset

/* Keeps the compiler from turning what the verifier was shown into what it cannot follow. */
#define OPAQUE(value) __asm__ volatile("" : "+r"(value))

/* Loads and stores that happen once and whole, beside writers in user space. */
#define READ_ONCE(place) (*(const volatile typeof(place)*)&(place))
#define WRITE_ONCE(place, value) (*(volatile typeof(place)*)&(place) = (value))

#define HOST16(value) __builtin_bswap16(value)
#define HOST32(value) __builtin_bswap32(value)
#define NET16(value) __builtin_bswap16(value)
#define NET32(value) __builtin_bswap32(value)

#define HELPER(result, name, ...) static result (*const name)(__VA_ARGS__) __attribute__((unused)) = (void*)

HELPER(void*, bpf_map_lookup_elem, void* map, const void* key) BPF_FUNC_map_lookup_elem;
HELPER(long, bpf_map_update_elem, void* map, const void* key, const void* value, __u64 flags)
BPF_FUNC_map_update_elem;
HELPER(long, bpf_map_delete_elem, void* map, const void* key) BPF_FUNC_map_delete_elem;
HELPER(__u64, bpf_ktime_get_coarse_ns, void) BPF_FUNC_ktime_get_coarse_ns;
HELPER(__u64, bpf_ktime_get_ns, void) BPF_FUNC_ktime_get_ns;
HELPER(__u32, bpf_get_prandom_u32, void) BPF_FUNC_get_prandom_u32;
HELPER(__u32, bpf_get_smp_processor_id, void) BPF_FUNC_get_smp_processor_id;
HELPER(long, bpf_redirect, __u32 ifindex, __u64 flags) BPF_FUNC_redirect;
HELPER(long, bpf_redirect_neigh, __u32 ifindex, void* neighbour, int length, __u64 flags)
BPF_FUNC_redirect_neigh;
HELPER(long, bpf_fib_lookup, void* context, struct bpf_fib_lookup* query, int length, __u32 flags)
BPF_FUNC_fib_lookup;
HELPER(__s64, bpf_csum_diff, const void* from, __u32 from_size, const void* to, __u32 to_size, __u32 seed)
BPF_FUNC_csum_diff;
HELPER(long, bpf_ringbuf_output, void* map, const void* data, __u64 size, __u64 flags)
BPF_FUNC_ringbuf_output;
HELPER(void*, bpf_ringbuf_reserve, void* map, __u64 size, __u64 flags) BPF_FUNC_ringbuf_reserve;
HELPER(void, bpf_ringbuf_submit, void* data, __u64 flags) BPF_FUNC_ringbuf_submit;

HELPER(long, bpf_xdp_adjust_head, struct xdp_md* context, int delta) BPF_FUNC_xdp_adjust_head;
HELPER(long, bpf_xdp_adjust_tail, struct xdp_md* context, int delta) BPF_FUNC_xdp_adjust_tail;

HELPER(long, bpf_skb_load_bytes, const void* skb, __u32 offset, void* to, __u32 length)
BPF_FUNC_skb_load_bytes;
HELPER(long, bpf_skb_store_bytes, struct __sk_buff* skb, __u32 offset, const void* from, __u32 length,
       __u64 flags)
BPF_FUNC_skb_store_bytes;
HELPER(long, bpf_skb_pull_data, struct __sk_buff* skb, __u32 length) BPF_FUNC_skb_pull_data;
HELPER(long, bpf_skb_adjust_room, struct __sk_buff* skb, __s32 delta, __u32 mode, __u64 flags)
BPF_FUNC_skb_adjust_room;
HELPER(long, bpf_skb_change_proto, struct __sk_buff* skb, __be16 protocol, __u64 flags)
BPF_FUNC_skb_change_proto;
HELPER(long, bpf_l3_csum_replace, struct __sk_buff* skb, __u32 offset, __u64 from, __u64 to, __u64 flags)
BPF_FUNC_l3_csum_replace;
HELPER(long, bpf_l4_csum_replace, struct __sk_buff* skb, __u32 offset, __u64 from, __u64 to, __u64 flags)
BPF_FUNC_l4_csum_replace;

#endif
