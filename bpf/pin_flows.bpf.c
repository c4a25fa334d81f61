// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// Keeps each client on its socket of a reuseport group (option `pinFlows`, src/socket/pin-flows/).
//
// Every socket of the group has a place in `sockets`, and each client an order of all places of its own, by
// which place scores highest with it (rendezvous hashing). It is served by the first place in this order that
// has a socket. So when a socket goes, its clients move and no others, and they come back when the place is
// taken again.
//
// Always passes. With no socket in any place the kernel chooses by its own hash.
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include "flow_hash.h"

#define SECTION(name) __attribute__((section(name), used))

// Places of a group, at most 64: a bit for each in `struct pin_group`. `PLACES` of
// src/socket/pin-flows/program-loader.ts.
#define PLACES 64

// How many of the best places are tried: when so many have lost their sockets since one last came or went, it
// is enough to find any that is left. The verifier goes through all of them.
#define TURNS 4

static void* (*const bpf_map_lookup_elem)(void* map, const void* key) = (void*)BPF_FUNC_map_lookup_elem;
static long (*const bpf_sk_select_reuseport)(struct sk_reuseport_md* context, void* map, void* key,
                                             __u64 flags) = (void*)BPF_FUNC_sk_select_reuseport;
static long (*const bpf_skb_load_bytes_relative)(const void* context, __u32 offset, void* to, __u32 length,
                                                 __u32 start) = (void*)BPF_FUNC_skb_load_bytes_relative;

// The value of the map `group`; src/socket/pin-flows/group.ts writes it.
struct pin_group {
  // A bit for each place that had a socket when the last one came or went. A place without it has none; one
  // with it may have lost its socket since (its process was killed).
  __u64 taken;
  struct flow_secret secret;
  __u32 affinity;  // FLOW_AFFINITY_CLIENT_IP or FLOW_AFFINITY_CLIENT_IP_PORT
  __u32 reserved;  // 0
};

// Maps: BPF_MAP_TYPE_ARRAY of one struct pin_group, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY of PLACES. The loader
// puts their descriptors in.
extern const struct {
} group, sockets;

// Where the addresses begin in the headers of IP (RFC 791 §3.1, RFC 8200 §3).
enum { IPV4_SOURCE = 12, IPV6_SOURCE = 8 };

// The hash of the sender's address and, if it counts, port, which comes first in UDP (RFC 768). Not 0 when
// the packet is too short.
static inline __attribute__((always_inline)) int client_hash(struct sk_reuseport_md* context,
                                                             const struct pin_group* settings, __u32* hash) {
  const void* udp = (const void*)(long)context->data;
  const void* end = (const void*)(long)context->data_end;
  if (udp + sizeof(__be16) > end) return -1;
  const __be16 port = *(const __be16*)udp;
  const int by_port = settings->affinity == FLOW_AFFINITY_CLIENT_IP_PORT;

  if (context->eth_protocol == __builtin_bswap16(ETH_P_IP)) {
    struct flow_ipv4 flow = {.client_port = port};
    if (bpf_skb_load_bytes_relative(context, IPV4_SOURCE, &flow.client, sizeof flow.client,
                                    BPF_HDR_START_NET))
      return -1;
    *hash = by_port ? flow_hash_ipv4(&flow, FLOW_AFFINITY_CLIENT_IP_PORT, settings->secret)
                    : flow_hash_ipv4(&flow, FLOW_AFFINITY_CLIENT_IP, settings->secret);
    return 0;
  }
  struct flow_ipv6 flow = {.client_port = port};
  if (bpf_skb_load_bytes_relative(context, IPV6_SOURCE, flow.client, sizeof flow.client, BPF_HDR_START_NET))
    return -1;
  *hash = by_port ? flow_hash_ipv6(&flow, FLOW_AFFINITY_CLIENT_IP_PORT, settings->secret)
                  : flow_hash_ipv6(&flow, FLOW_AFFINITY_CLIENT_IP, settings->secret);
  return 0;
}

// What a place is worth to a client: bits of both, well mixed (the finalizer of MurmurHash3, public domain),
// and below them the place itself. Differs between places, and is below 2^38.
static inline __attribute__((always_inline)) __u64 worth_of(__u32 hash, __u32 place) {
  __u32 score = hash + place * 0x9e3779b9u;
  score = (score ^ score >> 16) * 0x85ebca6bu;
  score = (score ^ score >> 13) * 0xc2b2ae35u;
  score ^= score >> 16;
  return (__u64)score << 6 | place;
}

// The place of those `left` that is worth most. Without a branch in the loop: the verifier would follow each
// of them through all turns.
static inline __attribute__((always_inline)) __u32 best_of(__u32 hash, __u64 left) {
  __u64 best = 0;
  for (__u32 place = 0; place < PLACES; place++) {
    if (left >> place == 0) break;
    const __u64 worth = worth_of(hash, place) & -(left >> place & 1);
    __u64 more = (best - worth) >> 63;  // 1 when the place is worth more
    __asm__ volatile("" : "+r"(more));  // or the compiler makes it a branch again
    best ^= (best ^ worth) & -more;
  }
  return best & (PLACES - 1);
}

SECTION("sk_reuseport")
int pin_flows(struct sk_reuseport_md* context) {
  const __u32 first = 0;
  const struct pin_group* settings = bpf_map_lookup_elem((void*)&group, &first);
  __u32 hash;
  if (settings == 0 || client_hash(context, settings, &hash) != 0) return SK_PASS;

  __u64 left = settings->taken;
  // One turn, unless sockets are gone that nobody has seen going.
  for (int turn = 0; turn < TURNS && left != 0; turn++) {
    const __u32 best = best_of(hash, left);
    if (bpf_sk_select_reuseport(context, (void*)&sockets, (void*)&best, 0) == 0) return SK_PASS;
    left &= ~(1ull << best);
  }
  // The rest of the client's order is that of the numbers.
  for (__u32 place = 0; place < PLACES; place++) {
    if (left >> place == 0) break;
    const __u32 key = place;
    if (bpf_sk_select_reuseport(context, (void*)&sockets, (void*)&key, 0) == 0) return SK_PASS;
  }
  return SK_PASS;
}
