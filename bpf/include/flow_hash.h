/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Dual MIT/GPL.
 *
 * The hash of a flow, and the slot of a table that it leads to, for BPF programs and for the host (C11,
 * C++20). The same as src/pinning/flow-key.ts and src/pinning/half-siphash.ts; test/vectors/pinning.json
 * holds examples.
 *
 * Everything is inlined and every loop has a constant bound once the affinity is known, so that a verifier
 * without bounded loops (before Linux 5.3) takes it. Nothing can fail.
 */
#ifndef UDP_DSR_FLOW_HASH_H
#define UDP_DSR_FLOW_HASH_H

#include <linux/types.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words of a key are read from memory as they lie: little-endian only (x64, arm64, bpfel)"
#endif

#define FLOW_HASH_INLINE static inline __attribute__((always_inline, unused))

/* Loops over words become straight code for BPF: each knows its index then. */
#if defined(__clang__)
#define FLOW_HASH_UNROLL _Pragma("clang loop unroll(full)")
#else
#define FLOW_HASH_UNROLL
#endif

/* What of a flow decides where it goes. */
enum flow_affinity {
  FLOW_AFFINITY_CLIENT_IP = 0,
  FLOW_AFFINITY_CLIENT_IP_PORT = 1,
  FLOW_AFFINITY_FLOW = 2, /* client and local address and port */
};

/* The eight bytes of the secret as they lie in memory. All edges of a service share them. */
struct flow_secret {
  __u32 words[2];
};

/* A flow as a packet shows it: network order, "client" the source and "local" the destination. */
struct flow_ipv4 {
  __be32 client;
  __be32 local;
  __be16 client_port;
  __be16 local_port;
};

struct flow_ipv6 {
  __be32 client[4];
  __be32 local[4];
  __be16 client_port;
  __be16 local_port;
};

/* The canonical bytes that are hashed (network order, nothing between the fields), four a word. */
struct flow_key {
  __u32 words[9];
  __u32 length; /* in bytes: 4, 6, 12, 16, 18 or 36 */
};

struct half_siphash {
  __u32 v0, v1, v2, v3;
};

FLOW_HASH_INLINE __u32 half_siphash_rotate(__u32 value, int bits) {
  return (value << bits) | (value >> (32 - bits));
}

FLOW_HASH_INLINE void half_siphash_round(struct half_siphash* state) {
  state->v0 += state->v1;
  state->v2 += state->v3;
  state->v1 = half_siphash_rotate(state->v1, 5) ^ state->v0;
  state->v3 = half_siphash_rotate(state->v3, 8) ^ state->v2;
  state->v0 = half_siphash_rotate(state->v0, 16) + state->v3;
  state->v2 += state->v1;
  state->v3 = half_siphash_rotate(state->v3, 7) ^ state->v0;
  state->v1 = half_siphash_rotate(state->v1, 13) ^ state->v2;
  state->v2 = half_siphash_rotate(state->v2, 16);
}

FLOW_HASH_INLINE void half_siphash_block(struct half_siphash* state, __u32 word) {
  state->v3 ^= word;
  half_siphash_round(state);
  half_siphash_round(state);
  state->v0 ^= word;
}

/* HalfSipHash-2-4 with 32 bits of output (Aumasson and Bernstein). `words` holds `length` (0-255) bytes;
 * those of the last word beyond them are ignored. For BPF `length` must be a constant. */
FLOW_HASH_INLINE __u32 half_siphash_24(const __u32* words, __u32 length, struct flow_secret secret) {
  struct half_siphash state;
  __u32 last = length << 24;
  __u32 i;

  state.v0 = secret.words[0];
  state.v1 = secret.words[1];
  state.v2 = 0x6c796765u ^ secret.words[0];
  state.v3 = 0x74656462u ^ secret.words[1];
  FLOW_HASH_UNROLL
  for (i = 0; i < length / 4; i++) half_siphash_block(&state, words[i]);
  if (length % 4 != 0) last |= words[length / 4] & ((1u << (length % 4 * 8)) - 1);
  half_siphash_block(&state, last);
  state.v2 ^= 0xff;
  half_siphash_round(&state);
  half_siphash_round(&state);
  half_siphash_round(&state);
  half_siphash_round(&state);
  return state.v1 ^ state.v3;
}

/* ::ffff:0:0/96 (RFC 4291, 2.5.5.2) */
FLOW_HASH_INLINE int flow_is_mapped(const __be32 address[4]) {
  return address[0] == 0 && address[1] == 0 && address[2] == 0xffff0000u;
}

/* Fields lie one behind the other: after a port every word has the end of one field and the beginning of the
 * next. */
FLOW_HASH_INLINE void flow_key_ipv4(struct flow_key* key, const struct flow_ipv4* flow,
                                    enum flow_affinity affinity) {
  key->words[0] = flow->client;
  key->length = 4;
  if (affinity == FLOW_AFFINITY_CLIENT_IP) return;
  key->words[1] = flow->client_port;
  key->length = 6;
  if (affinity == FLOW_AFFINITY_CLIENT_IP_PORT) return;
  key->words[1] |= flow->local << 16;
  key->words[2] = flow->local >> 16 | (__u32)flow->local_port << 16;
  key->length = 12;
}

/* For addresses of which one at most is IPv4: flow_hash_ipv6 sees to the others. */
FLOW_HASH_INLINE void flow_key_ipv6(struct flow_key* key, const struct flow_ipv6* flow,
                                    enum flow_affinity affinity) {
  int i;

  FLOW_HASH_UNROLL
  for (i = 0; i < 4; i++) key->words[i] = flow->client[i];
  key->length = 16;
  if (affinity == FLOW_AFFINITY_CLIENT_IP) return;
  key->words[4] = flow->client_port;
  key->length = 18;
  if (affinity == FLOW_AFFINITY_CLIENT_IP_PORT) return;
  key->words[4] |= flow->local[0] << 16;
  FLOW_HASH_UNROLL
  for (i = 0; i < 3; i++) key->words[5 + i] = flow->local[i] >> 16 | flow->local[i + 1] << 16;
  key->words[8] = flow->local[3] >> 16 | (__u32)flow->local_port << 16;
  key->length = 36;
}

FLOW_HASH_INLINE __u32 flow_hash_ipv4(const struct flow_ipv4* flow, enum flow_affinity affinity,
                                      struct flow_secret secret) {
  struct flow_key key;

  flow_key_ipv4(&key, flow, affinity);
  /* A branch for each affinity, so that each knows its length. */
  if (affinity == FLOW_AFFINITY_CLIENT_IP) return half_siphash_24(key.words, 4, secret);
  if (affinity == FLOW_AFFINITY_CLIENT_IP_PORT) return half_siphash_24(key.words, 6, secret);
  return half_siphash_24(key.words, 12, secret);
}

/* A v4-mapped client is the IPv4 address in it, unless the affinity has a local address that is IPv6. */
FLOW_HASH_INLINE __u32 flow_hash_ipv6(const struct flow_ipv6* flow, enum flow_affinity affinity,
                                      struct flow_secret secret) {
  struct flow_key key;

  if (flow_is_mapped(flow->client) && (affinity != FLOW_AFFINITY_FLOW || flow_is_mapped(flow->local))) {
    struct flow_ipv4 mapped;
    mapped.client = flow->client[3];
    mapped.local = flow->local[3];
    mapped.client_port = flow->client_port;
    mapped.local_port = flow->local_port;
    return flow_hash_ipv4(&mapped, affinity, secret);
  }
  flow_key_ipv6(&key, flow, affinity);
  if (affinity == FLOW_AFFINITY_CLIENT_IP) return half_siphash_24(key.words, 16, secret);
  if (affinity == FLOW_AFFINITY_CLIENT_IP_PORT) return half_siphash_24(key.words, 18, secret);
  return half_siphash_24(key.words, 36, secret);
}

/* The slot of a table with `size` slots: floor(hash * size / 2^32). */
FLOW_HASH_INLINE __u32 flow_slot(__u32 hash, __u32 size) { return (__u32)(((__u64)hash * size) >> 32); }

#endif
