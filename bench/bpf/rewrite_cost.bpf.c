// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// What another source costs a reply: `cost` less `base`. `fill` remembers the requests of all clients.
#include "source_rewrite.bpf.c"

// The reply's first bytes, and how many clients there are.
struct reply_case {
  __u64 headers[6];
  __u32 clients;  // a power of two less one
  __u32 next;
  __u32 vip;  // index
  __u32 reserved;
};

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct reply_case);
} reply_cases MAP;

/* To the next client. */
INLINE struct reply_case* renew(struct __sk_buff* skb) {
  const __u32 first = 0;
  struct reply_case* mine = bpf_map_lookup_elem(&reply_cases, &first);
  if (mine == 0) return 0;
  void* data = (void*)(long)skb->data;
  if (data + sizeof mine->headers > (void*)(long)skb->data_end) return 0;
  __u64* words = data;
  UNROLL
  for (int i = 0; i < 6; i++) words[i] = mine->headers[i];
  const __u32 number = mine->next++ & mine->clients;
  *(__u32*)(data + 30) = number;
  *(__u16*)(data + 36) = (__u16)(number >> 3);
  return mine;
}

SECTION("tc/egress")
int base(struct __sk_buff* skb) { return renew(skb) == 0 ? TC_ACT_SHOT : TC_ACT_UNSPEC; }

SECTION("tc/egress")
int cost(struct __sk_buff* skb) { return renew(skb) == 0 ? TC_ACT_SHOT : rewrite(skb); }

SECTION("tc/egress")
int fill(struct __sk_buff* skb) {
  const struct reply_case* mine = renew(skb);
  struct packet packet = {};
  if (mine == 0 || read_packet(skb, &packet) != 0) return TC_ACT_SHOT;
  const __u64 key = key_of(&packet.ends);
  remember(set_of_request(key, &packet.ends), key, mine->vip);
  return TC_ACT_UNSPEC;
}
