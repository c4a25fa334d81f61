/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* ICMP that the edge sends: echo replies of VIPs, and too-big messages to clients. */
#ifndef UDP_DSR_EDGE_ICMP_H
#define UDP_DSR_EDGE_ICMP_H

#include "deliver.h"

/* Bytes of the packet in question that a too-big message quotes. IPv4: the message should be no longer than
 * 576 (RFC 1812 §4.3.2.3), and the kernel sums up 512 at once. IPv6: all that fits in 1280 (RFC 4443 §2.4).
 */
#define QUOTED_SHORT 512
#define QUOTED_LONG 1232

/* Smallest MTU of IPv6 (RFC 8200 §5): senders ignore less. */
#define IPV6_MIN_MTU 1280

#define ALLOWANCE_BURST 16

/* ICMPv6 counts itself and its length in a pseudo header (RFC 8200 §8.1). */
#define PSEUDO_ICMPV6 NET32(IPV6_ICMP)

/* What lies before an IP header: Ethernet and up to two tags. */
struct link {
  __u64 words[2];
  __u32 word;
  __u16 half;
} __attribute__((packed));

/* Whether another message may be sent now (RFC 1812 §4.3.2.8): a bucket of tokens on each CPU. */
INLINE int allowed(void) {
  const __u32 first = 0;
  struct allowance* allowance = bpf_map_lookup_elem(&icmp_allowance, &first);
  if (allowance == 0) return 0;
  const __u64 now = bpf_ktime_get_ns();
  const __u64 interval = (__u64)settings.icmp_interval * 1000000;
  __u64 earned = interval != 0 ? (now - allowance->refilled) / interval : ALLOWANCE_BURST;
  if (earned > ALLOWANCE_BURST) earned = ALLOWANCE_BURST;
  if (earned != 0) {
    allowance->messages += earned;
    if (allowance->messages > ALLOWANCE_BURST) allowance->messages = ALLOWANCE_BURST;
    allowance->refilled = now;
  }
  if (allowance->messages == 0) return 0;
  allowance->messages--;
  return 1;
}

/* Whether a source is one host, which may get an answer (RFC 1122 §3.2.2, RFC 4443 §2.4): this network,
 * loopback, multicast and what is beyond it are not. */
INLINE int is_host_ipv4(__be32 source) {
  const __u8 first = (__u8)source; /* in memory */
  return first != 0 && first != 127 && first < 224;
}

INLINE int is_host_ipv6(const __be32 source[4]) {
  if ((__u8)source[0] == 0xff) return 0;                                    /* multicast */
  return (source[0] | source[1] | source[2]) != 0 || HOST32(source[3]) > 1; /* unspecified, loopback */
}

/* Sends the frame back to where it came from. */
INLINE int turn_around(struct xdp_md* context) {
  struct ethhdr* ethernet = (void*)(long)context->data;
  if ((void*)(ethernet + 1) > (void*)(long)context->data_end) return XDP_ABORTED;
  __u16 sender[3];
  copy_mac(sender, ethernet->h_source);
  copy_mac(ethernet->h_source, ethernet->h_dest);
  copy_mac(ethernet->h_dest, sender);
  return XDP_TX;
}

/* Answers an echo request to a VIP in place. `at` is the offset of ICMP. */
INLINE int echo_ipv4(struct xdp_md* context, __u32 offset, __u32 at) {
  void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  struct iphdr* ip = data + offset;
  struct icmp_header* icmp = data + at;
  if ((const void*)(ip + 1) > end || (const void*)(icmp + 1) > end) return XDP_ABORTED;
  const __u32 length = HOST16(ip->tot_len);
  const __be32 client = ip->saddr;
  if (!is_host_ipv4(client)) return XDP_PASS;
  ip->saddr = ip->daddr;
  ip->daddr = client;
  ip->check =
      checksum_of((__u64)(__u16)~ip->check + (__u16)~NET16((__u16)(ip->ttl << 8)) + NET16(OUTER_TTL << 8));
  ip->ttl = OUTER_TTL;
  icmp->type = ICMP_ECHO_REPLY;
  icmp->checksum = checksum_of((__u64)(__u16)~icmp->checksum + (__u16)~NET16(ICMP_ECHO_REQUEST << 8));
  return ended(REASON_ECHO, length, turn_around(context));
}

INLINE int echo_ipv6(struct xdp_md* context, __u32 offset, __u32 at) {
  void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  struct ipv6hdr* ip = data + offset;
  struct icmp_header* icmp = data + at;
  if ((const void*)(ip + 1) > end || (const void*)(icmp + 1) > end) return XDP_ABORTED;
  const __u32 length = HOST16(ip->payload_len) + sizeof *ip;
  __be32 client[4];
  memcpy(client, &ip->saddr, sizeof client);
  if (!is_host_ipv6(client)) return XDP_PASS;
  memcpy(&ip->saddr, &ip->daddr, sizeof client);
  memcpy(&ip->daddr, client, sizeof client);
  ip->hop_limit = OUTER_TTL;
  icmp->type = ICMPV6_ECHO_REPLY;
  icmp->checksum = checksum_of((__u64)(__u16)~icmp->checksum + (__u16)~NET16(ICMPV6_ECHO_REQUEST << 8) +
                               NET16(ICMPV6_ECHO_REPLY << 8));
  return ended(REASON_ECHO, length, turn_around(context));
}

/* Makes room for `before` bytes between the link header, whose length stays, and the packet, of which
 * `quoted` bytes are kept. */
INLINE int make_error(struct xdp_md* context, __u32 offset, __u32 before, __u32 quoted) {
  const void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  __u64 have = (__u64)(end - data);
  OPAQUE(have); /* or the compiler subtracts pointers in 32 bits, which the verifier refuses */
  struct link link;
  if (data + sizeof link > end) return -1;
  link = *(const struct link*)data;
  if (bpf_xdp_adjust_tail(context, (__s32)(offset + quoted) - (__s32)have) != 0) return -1;
  if (bpf_xdp_adjust_head(context, -(__s32)before) != 0) return -1;
  data = (void*)(long)context->data;
  end = (void*)(long)context->data_end;
  if (data + sizeof link > end) return -1;
  /* What of it lies beyond the link header is written over with the new headers. */
  *(struct link*)(void*)data = link;
  return 0;
}

/* Sum of the packet that is quoted, which begins `at`. */
INLINE __u32 quoted_sum(struct xdp_md* context, __u32 at, int long_quote) {
  const void* data = (void*)(long)context->data + at;
  const void* end = (void*)(long)context->data_end;
  if (data + QUOTED_SHORT > end) return 0;
  __s64 sum = bpf_csum_diff(0, 0, data, QUOTED_SHORT, 0);
  if (!long_quote) return (__u32)sum;
  if (data + QUOTED_LONG > end) return 0;
  sum = bpf_csum_diff(0, 0, data + QUOTED_SHORT, QUOTED_SHORT, (__u32)sum);
  return (__u32)bpf_csum_diff(0, 0, data + 2 * QUOTED_SHORT, QUOTED_LONG - 2 * QUOTED_SHORT, (__u32)sum);
}

/* Tells the client that its packet does not fit the way to the backend: "fragmentation needed", next-hop MTU
 * `mtu` (RFC 1191 §4). Also where DF is not set: XDP cannot fragment, and senders heed the message whether
 * they set it or not. */
INLINE int too_big_ipv4(struct xdp_md* context, __u32 offset, __u32 length, __u32 mtu) {
  const void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  const struct iphdr* from = data + offset;
  if ((const void*)(from + 1) > end) return XDP_ABORTED;
  const __be32 client = from->saddr;
  const int later = (from->frag_off & IPV4_OFFSET) != 0;
  const __be32 vip = from->daddr;
  struct message {
    struct iphdr ip;
    struct icmp_header icmp;
  };
  /* Nor is a fragment answered that is not the first (RFC 1122 §3.2.2). */
  if (later || !is_host_ipv4(client) || !allowed()) return ended(REASON_TOO_BIG_SILENT, length, XDP_DROP);
  if (make_error(context, offset, sizeof(struct message), QUOTED_SHORT) != 0) {
    return ended(REASON_NO_HEADROOM, length, XDP_DROP);
  }
  data = (void*)(long)context->data;
  end = (void*)(long)context->data_end;
  struct message* message = (void*)data + offset;
  if ((const void*)(message + 1) > end) return XDP_ABORTED;
  memset(message, 0, sizeof *message);
  message->ip.version = 4;
  message->ip.ihl = sizeof message->ip / 4;
  message->ip.tot_len = NET16(sizeof *message + QUOTED_SHORT);
  message->ip.frag_off = IPV4_DONT_FRAGMENT;
  message->ip.ttl = OUTER_TTL;
  message->ip.protocol = IPPROTO_ICMP;
  message->ip.saddr = vip;
  message->ip.daddr = client;
  message->ip.check = checksum_ipv4(&message->ip);
  message->icmp.type = ICMP_UNREACHABLE;
  message->icmp.code = ICMP_FRAGMENTATION_NEEDED;
  message->icmp.rest[1] = NET16((__u16)mtu);
  const __u64 sum = (__u64)NET16(ICMP_UNREACHABLE << 8 | ICMP_FRAGMENTATION_NEEDED) + NET16((__u16)mtu) +
                    quoted_sum(context, offset + sizeof(struct message), 0);
  data = (void*)(long)context->data;
  message = (void*)data + offset;
  if ((const void*)(message + 1) > (const void*)(long)context->data_end) return XDP_ABORTED;
  message->icmp.checksum = checksum_of(sum);
  return ended(REASON_TOO_BIG, length, turn_around(context));
}

/* The same for IPv6 (RFC 4443 §3.2). */
INLINE int too_big_ipv6(struct xdp_md* context, __u32 offset, __u32 length, __u32 mtu) {
  const void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  const struct ipv6hdr* from = data + offset;
  if ((const void*)(from + 1) > end) return XDP_ABORTED;
  __be32 client[4];
  __be32 vip[4];
  memcpy(client, &from->saddr, sizeof client);
  memcpy(vip, &from->daddr, sizeof vip);
  struct message {
    struct ipv6hdr ip;
    struct icmp_header icmp;
  };
  if (!is_host_ipv6(client) || !allowed()) return ended(REASON_TOO_BIG_SILENT, length, XDP_DROP);
  const int long_quote = length >= QUOTED_LONG;
  const __u32 quoted = long_quote ? QUOTED_LONG : QUOTED_SHORT;
  if (make_error(context, offset, sizeof(struct message), quoted) != 0) {
    return ended(REASON_NO_HEADROOM, length, XDP_DROP);
  }
  data = (void*)(long)context->data;
  end = (void*)(long)context->data_end;
  struct message* message = (void*)data + offset;
  if ((const void*)(message + 1) > end) return XDP_ABORTED;
  const __u16 payload = (__u16)(sizeof message->icmp + quoted);
  memset(message, 0, sizeof *message);
  message->ip.version = 6;
  message->ip.payload_len = NET16(payload);
  message->ip.nexthdr = IPV6_ICMP;
  message->ip.hop_limit = OUTER_TTL;
  memcpy(&message->ip.saddr, vip, sizeof vip);
  memcpy(&message->ip.daddr, client, sizeof client);
  const __be32 told = NET32(mtu < IPV6_MIN_MTU ? IPV6_MIN_MTU : mtu);
  message->icmp.type = ICMPV6_TOO_BIG;
  memcpy(message->icmp.rest, &told, sizeof told);
  __u64 sum = (__u64)NET16(ICMPV6_TOO_BIG << 8) + told + PSEUDO_ICMPV6 + NET16(payload);
  sum = checksum_add_address(checksum_add_address(sum, vip), client);
  sum += quoted_sum(context, offset + sizeof(struct message), long_quote);
  data = (void*)(long)context->data;
  message = (void*)data + offset;
  if ((const void*)(message + 1) > (const void*)(long)context->data_end) return XDP_ABORTED;
  message->icmp.checksum = checksum_of(sum);
  return ended(REASON_TOO_BIG, length, turn_around(context));
}

#endif
