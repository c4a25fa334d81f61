// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// Gives the replies of programs that know nothing of VIPs the right source. `rewrite_ingress` remembers which
// VIP a client asked; `rewrite_egress` changes the source of what goes back to it, in the packet;
// `rewrite_sendmsg4` and `rewrite_sendmsg6` do the same where the program sends, and no packet has to be
// changed.
//
// Always passes. What is not UDP, has a VIP as source already, or answers nobody who is remembered is left as
// it is.
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>

#include "address.h"
#include "address_table.h"
#include "checksum.h"
#include "flow_cache.h"
#include "parsing.h"

/* Sizes for those who load the object file as it is; a loader may choose others. */
#define VIPS 1024
#define BUCKETS 1024

const volatile struct rewrite_settings settings = {
    .learned = 1, .link_bytes = sizeof(struct ethhdr), .flow_sets = 1, .buckets = BUCKETS};

/* The value is an index in `rewrite_vips`. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, BUCKETS);
  MAP_NUMBER(map_flags, BPF_F_MMAPABLE);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct address_bucket);
} vips MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, VIPS);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct vip);
} rewrite_vips MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, 2 * RULE_IPV6);
  MAP_NUMBER(map_flags, BPF_F_MMAPABLE);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct rewrite_rules);
} rewrite_rules MAP;

/* Local ports whose programs `rewrite_sendmsg` looks at: a control group may have many others. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
  MAP_NUMBER(max_entries, VIPS);
  MAP_TYPE(key, __be16);
  MAP_TYPE(value, __u8);
} rewrite_ports MAP;

/* Who asked which VIP; to which VIP's reply fragments belong. */
struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct flow_set);
} requests MAP, fragments MAP;

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, REASON_COUNT);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct counter);
} reason_counters MAP;

#define NO_VIP 0xffffu

INLINE void count(enum reason reason, __u32 bytes) {
  const __u32 index = reason;
  struct counter* counter = bpf_map_lookup_elem(&reason_counters, &index);
  if (counter == 0) return;
  counter->packets++;
  counter->bytes += bytes;
}

/* Both ends of a datagram, as this host sees them. */
struct ends {
  struct vip local;
  struct vip peer;
  __be16 local_port;
  __be16 peer_port;
};

INLINE struct flow_secret half_secret(__u32 tweak) { return flow_half_secret(settings.secret, tweak); }

/* Peer and local port: of IPv4 exact, of IPv6 a keyed hash that nobody can aim with. Not 0. */
INLINE __u64 key_of(const struct ends* ends) {
  const __u32 ports = (__u32)ends->peer_port << 16 | ends->local_port;
  const __u32* peer = ends->peer.address;
  if (is_mapped(ends->peer.address)) return (__u64)peer[3] << 32 | ports;
  const __u32 words[] = {peer[0], peer[1], peer[2], peer[3], ports};
  return (__u64)half_siphash_24(words, sizeof words, half_secret(1)) << 32 |
         half_siphash_24(words, sizeof words, half_secret(2));
}

/* The set of a key that is a keyed hash already. */
INLINE struct flow_set* set_of_hash(void* map, __u64 key) {
  const __u32 at = flow_set_of(key, settings.flow_sets);
  return bpf_map_lookup_elem(map, &at);
}

INLINE struct flow_set* set_of_exact(void* map, __u64 key) {
  const __u32 at = flow_set_of_exact(key, settings.secret, settings.flow_sets);
  return bpf_map_lookup_elem(map, &at);
}

INLINE __u32 recall(struct flow_set* set, __u64 key) {
  if (set == 0) return NO_VIP;
  __u64 rest;
  struct flow_entry* entry = flow_find(set, key, flow_clock(), settings.flow_idle, &rest);
  return entry != 0 && flow_check(key, 0) == FLOW_CHECK(rest) ? FLOW_VALUE(rest) : NO_VIP;
}

/* NO_VIP: forgets the key, if it is known. */
INLINE void remember(struct flow_set* set, __u64 key, __u32 index) {
  if (set == 0) return;
  const __u32 now = flow_clock();
  __u64 rest;
  struct flow_entry* entry = flow_find(set, key, now, settings.flow_idle, &rest);
  if (entry != 0 && FLOW_VALUE(rest) == index) {
    flow_touch(entry, rest, now);
  } else if (index != NO_VIP) {
    flow_put(set, key, (__u16)index, flow_check(key, 0), now);
  } else if (entry != 0) {
    WRITE_ONCE(*flow_rest(entry), 0);
  }
}

INLINE struct flow_set* set_of_request(__u64 key, const struct ends* ends) {
  return is_mapped(ends->peer.address) ? set_of_exact(&requests, key) : set_of_hash(&requests, key);
}

INLINE __u32 index_of(const struct vip* address) {
  const __u32 index = find_address(&vips, settings.buckets, address->address, 0);
  return index != ADDRESS_MISSING ? index : NO_VIP;
}

INLINE __u32 rule_for(__be16 port, __u8 version) {
  const __u16 number = HOST16(port);
  const __u32 at = number / RULE_PORTS + (version == 6 ? RULE_IPV6 : 0);
  const struct rewrite_rules* rules = bpf_map_lookup_elem(&rewrite_rules, &at);
  const __u16 place = rules != 0 ? READ_ONCE(rules->vips[number % RULE_PORTS]) : 0;
  return place != 0 ? place - 1u : NO_VIP;
}

/* The VIP that a datagram of this host should leave from, or NO_VIP. */
INLINE __u32 source_for(const struct ends* ends, __u8 version) {
  if (settings.rules) {
    const __u32 index = rule_for(ends->local_port, version);
    if (index != NO_VIP) return index;
  }
  if (!settings.learned) return NO_VIP;
  const __u64 key = key_of(ends);
  return recall(set_of_request(key, ends), key);
}

/* What `read_packet` found. */
struct packet {
  struct ends ends;
  __u32 length;  /* bytes of the IP packet */
  __u32 udp;     /* offset of the UDP header */
  __u32 id;      /* of the packet that a fragment is of */
  __u16 check;   /* of the IPv4 header */
  __u8 version;  /* 4 or 6 */
  __u8 fragment; /* a part of a larger packet */
  __u8 later;    /* not the first part: it has no UDP header */
};

/* Longest headers that are looked at: IPv6 with its fragment header, and UDP. */
#define HEADERS (sizeof(struct ipv6hdr) + sizeof(struct ipv6_fragment) + sizeof(struct udphdr))

INLINE int read_ipv4(const void* data, const void* end, struct packet* packet) {
  const struct iphdr* ip = data + settings.link_bytes;
  if ((const void*)(ip + 1) > end || ip->version != 4 || ip->protocol != IPPROTO_UDP) return -1;
  /* Our own datagrams have no options, and those of others may go without a memory of them. */
  if (ip->ihl != sizeof *ip / 4) return -1;
  packet->version = 4;
  packet->length = HOST16(ip->tot_len);
  packet->udp = settings.link_bytes + sizeof *ip;
  packet->id = ip->id;
  packet->check = ip->check;
  packet->fragment = (ip->frag_off & IPV4_FRAGMENT) != 0;
  packet->later = (ip->frag_off & IPV4_OFFSET) != 0;
  packet->ends.local.address[2] = packet->ends.peer.address[2] = NET32(0x0000ffff);
  packet->ends.local.address[3] = ip->saddr;
  packet->ends.peer.address[3] = ip->daddr;
  return 0;
}

INLINE int read_ipv6(const void* data, const void* end, struct packet* packet) {
  const struct ipv6hdr* ip = data + settings.link_bytes;
  if ((const void*)(ip + 1) > end || ip->version != 6) return -1;
  packet->version = 6;
  packet->length = HOST16(ip->payload_len) + sizeof *ip;
  packet->udp = settings.link_bytes + sizeof *ip;
  __u8 next = ip->nexthdr;
  if (next == IPV6_FRAGMENT) {
    const struct ipv6_fragment* part = (const void*)(ip + 1);
    if ((const void*)(part + 1) > end) return -1;
    next = part->next;
    packet->udp += sizeof *part;
    packet->id = part->id;
    packet->fragment = (part->offset & IPV6_FRAGMENT_BITS) != 0;
    packet->later = (part->offset & NET16(0xfff8)) != 0;
  }
  if (next != IPPROTO_UDP) return -1;
  memcpy(packet->ends.local.address, &ip->saddr, sizeof packet->ends.local);
  memcpy(packet->ends.peer.address, &ip->daddr, sizeof packet->ends.peer);
  return 0;
}

/* Reads a packet, with `local` its source and `peer` its destination. Not 0 for what is no UDP. */
INLINE int read_packet(struct __sk_buff* skb, struct packet* packet) {
  const void* data = (void*)(long)skb->data;
  const void* end = (void*)(long)skb->data_end;
  const __u32 want = settings.link_bytes + HEADERS;
  if (unlikely(data + want > end && (__u64)(end - data) < skb->len)) {
    /* Not in one piece. */
    if (bpf_skb_pull_data(skb, skb->len < want ? skb->len : want) != 0) return -1;
    data = (void*)(long)skb->data;
    end = (void*)(long)skb->data_end;
  }
  int status = -1;
  if (skb->protocol == NET16(ETH_P_IP)) status = read_ipv4(data, end, packet);
  if (skb->protocol == NET16(ETH_P_IPV6)) status = read_ipv6(data, end, packet);
  if (status != 0 || packet->later) return status;
  const struct udphdr* udp = data + packet->udp;
  if ((const void*)(udp + 1) > end) return -1;
  packet->ends.local_port = udp->source;
  packet->ends.peer_port = udp->dest;
  return 0;
}

SECTION("tc/ingress")
int rewrite_ingress(struct __sk_buff* skb) {
  if (!settings.learned) return TC_ACT_UNSPEC;
  struct packet packet = {};
  if (read_packet(skb, &packet) != 0 || packet.later) return TC_ACT_UNSPEC;
  /* It came in: what was read as local is the peer. */
  const struct ends ends = {.local = packet.ends.peer,
                            .peer = packet.ends.local,
                            .local_port = packet.ends.peer_port,
                            .peer_port = packet.ends.local_port};
  /* A client that asks an ordinary address wants the answer from there: the last address that it asked
   * counts. */
  const __u64 key = key_of(&ends);
  remember(set_of_request(key, &ends), key, index_of(&ends.local));
  return TC_ACT_UNSPEC;
}

/* Which packet a fragment is of: one that is being sent, so what matters is that no two are mixed up. */
INLINE __u64 key_of_fragment(const struct packet* packet) {
  const __u32* local = packet->ends.local.address;
  const __u32* peer = packet->ends.peer.address;
  const __u32 words[] = {local[0], local[1], local[2], local[3],  peer[0],
                         peer[1],  peer[2],  peer[3],  packet->id};
  return (__u64)half_siphash_24(words, sizeof words, half_secret(3)) << 32 |
         half_siphash_24(words, sizeof words, half_secret(4));
}

INLINE __u32 recall_fragment(const struct packet* packet) {
  const __u64 key = key_of_fragment(packet);
  return recall(set_of_hash(&fragments, key), key);
}

INLINE void remember_fragment(const struct packet* packet, __u32 index) {
  const __u64 key = key_of_fragment(packet);
  remember(set_of_hash(&fragments, key), key, index);
}

/* A checksum follows a change of the source from one address to another: `difference` is new less old, as
 * bpf_csum_diff has it. */
INLINE void write_checksum(struct __sk_buff* skb, const struct packet* packet, __u32 difference) {
  const __u32 at = packet->udp + __builtin_offsetof(struct udphdr, check);
  if (unlikely(skb->gso_size != 0)) {
    /* What the kernel cuts later has the sum of its pseudo header there, not complemented. Where the device
     * computes no checksums the packet does not say so (it is CHECKSUM_NONE, since Linux 6.11), and
     * bpf_l4_csum_replace would take it for a checksum. */
    __u16 sum;
    if (bpf_skb_load_bytes(skb, at, &sum, sizeof sum) != 0) return;
    sum = checksum_fold((__u64)sum + difference);
    bpf_skb_store_bytes(skb, at, &sum, sizeof sum, 0);
    return;
  }
  /* Here the kernel knows whether the field has a checksum or, for the device to complete, such a sum. */
  bpf_l4_csum_replace(skb, at, 0, difference, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0);
}

INLINE void write_ipv4_source(struct __sk_buff* skb, const struct packet* packet, __be32 source) {
  const __be32 before = packet->ends.local.address[3];
  const __u32 difference = checksum_fold((__u64)(__u32)~before + source);
  if (!packet->later) write_checksum(skb, packet, difference);
  /* The checksum and the source lie one behind the other. */
  const struct {
    __u16 check;
    __u16 source[2];
  } written = {checksum_of((__u64)(__u16)~packet->check + difference),
               {(__u16)source, (__u16)(source >> 16)}};
  bpf_skb_store_bytes(skb, settings.link_bytes + __builtin_offsetof(struct iphdr, check), &written,
                      sizeof written, 0);
}

INLINE void write_ipv6_source(struct __sk_buff* skb, const struct packet* packet, const struct vip* source) {
  if (!packet->later) {
    const __be32* before = packet->ends.local.address;
    write_checksum(skb, packet,
                   (__u32)bpf_csum_diff(before, sizeof *source, source->address, sizeof *source, 0));
  }
  bpf_skb_store_bytes(skb, settings.link_bytes + __builtin_offsetof(struct ipv6hdr, saddr), source,
                      sizeof *source, 0);
}

INLINE int rewrite(struct __sk_buff* skb) {
  struct packet packet = {};
  if (read_packet(skb, &packet) != 0) return TC_ACT_UNSPEC;
  const __u32 number = packet.later ? recall_fragment(&packet) : source_for(&packet.ends, packet.version);
  if (number == NO_VIP) {
    /* Its later fragments must not follow an older packet that had its ID. */
    if (packet.fragment && !packet.later) remember_fragment(&packet, NO_VIP);
    count(REASON_UNKNOWN_FLOW, packet.length);
    return TC_ACT_UNSPEC;
  }
  const struct vip* vip = bpf_map_lookup_elem(&rewrite_vips, &number);
  if (vip == 0) return TC_ACT_UNSPEC;
  const __be32* from = packet.ends.local.address;
  const __be32* to = vip->address;
  if (is_unspecified(vip->address)) return TC_ACT_UNSPEC; /* it is a VIP no longer */
  if (from[3] == to[3] && from[2] == to[2] && from[1] == to[1] && from[0] == to[0]) return TC_ACT_UNSPEC;
  /* A program that chose a VIP knew why. */
  if (index_of(&packet.ends.local) != NO_VIP) return TC_ACT_UNSPEC;
  if (packet.fragment && !packet.later) remember_fragment(&packet, number);
  if (packet.version == 4) {
    write_ipv4_source(skb, &packet, to[3]);
  } else {
    const struct vip source = *vip;
    write_ipv6_source(skb, &packet, &source);
  }
  count(REASON_REWRITTEN, packet.length);
  return TC_ACT_UNSPEC;
}

SECTION("tc/egress")
int rewrite_egress(struct __sk_buff* skb) { return rewrite(skb); }

/* Whether a socket's datagrams are looked at; its port goes into `ends`. */
INLINE int is_ours(struct bpf_sock_addr* context, struct ends* ends) {
  struct bpf_sock* socket = context->sk;
  if (socket == 0) return 0;
  ends->local_port = NET16((__u16)socket->src_port);
  ends->peer_port = (__be16)context->user_port;
  return bpf_map_lookup_elem(&rewrite_ports, &ends->local_port) != 0;
}

/* A sendmsg hook lets pass what it returns 1 for. */
#define ALLOW 1

SECTION("cgroup/sendmsg4")
int rewrite_sendmsg4(struct bpf_sock_addr* context) {
  struct ends ends = {};
  if (!is_ours(context, &ends)) return ALLOW;
  ends.peer.address[2] = ends.local.address[2] = NET32(0x0000ffff);
  ends.peer.address[3] = context->user_ip4;
  ends.local.address[3] = context->msg_src_ip4;
  const __u32 number = source_for(&ends, 4);
  const struct vip* vip = bpf_map_lookup_elem(&rewrite_vips, &number);
  if (vip == 0 || vip->address[3] == 0 || index_of(&ends.local) != NO_VIP) return ALLOW;
  context->msg_src_ip4 = vip->address[3];
  count(REASON_REWRITTEN, 0);
  return ALLOW;
}

SECTION("cgroup/sendmsg6")
int rewrite_sendmsg6(struct bpf_sock_addr* context) {
  struct ends ends = {};
  if (!is_ours(context, &ends)) return ALLOW;
  UNROLL
  for (int i = 0; i < 4; i++) {
    ends.peer.address[i] = context->user_ip6[i];
    ends.local.address[i] = context->msg_src_ip6[i];
  }
  const __u32 number = source_for(&ends, 6);
  const struct vip* vip = bpf_map_lookup_elem(&rewrite_vips, &number);
  if (vip == 0 || is_unspecified(vip->address) || index_of(&ends.local) != NO_VIP) return ALLOW;
  UNROLL
  for (int i = 0; i < 4; i++) context->msg_src_ip6[i] = vip->address[i];
  count(REASON_REWRITTEN, 0);
  return ALLOW;
}

LICENSE("Dual MIT/GPL");
