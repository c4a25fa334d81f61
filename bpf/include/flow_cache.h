/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Remembers where flows went: a table of sets with four entries each, the least recently used of which makes
 * room. A look costs one line of the processor's cache, however many flows there are; the kernel's LRU hash
 * tables take ten times as long when all flows are new.
 *
 * CPUs write without a lock. An entry has two words, and its `check` follows from its key: one of which the
 * halves are of different flows is believed once in 65,535 times, and then only if its value is, too. */
#ifndef UDP_DSR_FLOW_CACHE_H
#define UDP_DSR_FLOW_CACHE_H

#include "bpf.h"
#include "layouts.h"

/* Time in units of 2^30 ns: seconds, nearly, without a division. */
INLINE __u32 flow_clock(void) { return (__u32)(bpf_ktime_get_coarse_ns() >> 30); }

/* What `check` is for a key, under an `epoch` of what the entry leads to: memory of an older one is not
 * believed. Never 0. */
INLINE __u16 flow_check(__u64 key, __u32 epoch) {
  __u64 mixed = (key ^ (__u64)epoch << 32) * 0x9e3779b97f4a7c15ull;
  mixed = (mixed ^ mixed >> 29) * 0xff51afd7ed558ccdull;
  const __u16 check = (__u16)(mixed >> 48);
  return check != 0 ? check : 1;
}

/* The set that a key is kept in; `sets` is a power of two. */
INLINE __u32 flow_set_of(__u64 key, __u32 sets) { return (__u32)(key ^ key >> 32) & (sets - 1); }

/* The set of a key that is exact, and so was chosen by its sender: the secret is mixed in, lest anybody aim
 * at the set of another. Two multiplications are no HalfSipHash, which takes 15 ns more, but nobody sees what
 * comes out, and whose entry is pushed out asks again with the next datagram. */
INLINE __u32 flow_set_of_exact(__u64 key, struct flow_secret secret, __u32 sets) {
  const __u64 words = (__u64)secret.words[0] << 32 | secret.words[1];
  __u64 mixed = (key ^ words) * 0x9e3779b97f4a7c15ull;
  mixed = (mixed ^ mixed >> 32) * (words | 1);
  return (__u32)(mixed >> 40) & (sets - 1);
}

/* Another secret for another half of a key. */
INLINE struct flow_secret flow_half_secret(struct flow_secret secret, __u32 tweak) {
  return (struct flow_secret){.words = {secret.words[0] ^ tweak, secret.words[1] ^ ~tweak}};
}

INLINE __u64 flow_word(__u16 value, __u16 check, __u32 stamp) {
  return value | (__u64)check << 16 | (__u64)stamp << 32;
}
#define FLOW_VALUE(word) ((__u16)(word))
#define FLOW_CHECK(word) ((__u16)((word) >> 16))
#define FLOW_STAMP(word) ((__u32)((word) >> 32))

/* What stands beside a key in an entry, as one word. */
INLINE __u64* flow_rest(struct flow_entry* entry) { return (__u64*)(void*)&entry->value; }

/* The entry of a key that was used in the last `idle` units of time, or 0. Its word goes to `rest`: the
 * caller holds FLOW_CHECK(rest) against flow_check of what FLOW_VALUE(rest) leads to. */
INLINE struct flow_entry* flow_find(struct flow_set* set, __u64 key, __u32 now, __u32 idle, __u64* rest) {
  UNROLL
  for (int i = 0; i < FLOW_WAYS; i++) {
    struct flow_entry* entry = &set->ways[i];
    if (READ_ONCE(entry->key) != key) continue;
    const __u64 word = READ_ONCE(*flow_rest(entry));
    if (FLOW_CHECK(word) == 0 || now - FLOW_STAMP(word) > idle) continue;
    *rest = word;
    return entry;
  }
  return 0;
}

/* Notes that an entry is in use: a write a second, not one a packet. */
INLINE void flow_touch(struct flow_entry* entry, __u64 rest, __u32 now) {
  if (FLOW_STAMP(rest) != now) {
    WRITE_ONCE(*flow_rest(entry), flow_word(FLOW_VALUE(rest), FLOW_CHECK(rest), now));
  }
}

/* Remembers a key: in its own entry, or in the place of the one that was not used for the longest time. */
INLINE void flow_put(struct flow_set* set, __u64 key, __u16 value, __u16 check, __u32 now) {
  struct flow_entry* place = &set->ways[0];
  __u32 age = 0;
  UNROLL
  for (int i = 0; i < FLOW_WAYS; i++) {
    struct flow_entry* entry = &set->ways[i];
    if (READ_ONCE(entry->key) == key) {
      place = entry;
      break;
    }
    /* An empty entry has stamp 0: nothing is older. */
    const __u32 unused = now - FLOW_STAMP(READ_ONCE(*flow_rest(entry)));
    if (unused >= age) {
      age = unused;
      place = entry;
    }
  }
  /* First the word that makes the old entry void. */
  WRITE_ONCE(*flow_rest(place), 0);
  WRITE_ONCE(place->key, key);
  WRITE_ONCE(*flow_rest(place), flow_word(value, check, now));
}

#endif
