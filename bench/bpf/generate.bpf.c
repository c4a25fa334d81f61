// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// Sends the packet that it is run on out of an interface, under another client's name each time: a load for
// BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES, which runs it over and over on pages that come back as
// the receivers left them. So all headers are written anew.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "bpf.h"

// What a packet is like. Addresses in network order.
struct generator_settings {
  __u8 destination[6];
  __u8 source[6];
  __be32 vip;
  __be32 first_client;  // clients are numbered up from it
  __u32 clients;        // a power of two
  __be16 port;
  __u16 payload;  // bytes
  __u32 ifindex;
};

const volatile struct generator_settings settings = {.clients = 1};

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, __u64);
} sent MAP;

// The ports of a client that are in use before the next client has its turn (60,000 of them).
enum { FIRST_PORT = 1024, PORTS = 60000 };

SECTION("xdp")
int generate(struct xdp_md* context) {
  struct ethhdr* ethernet = (void*)(long)context->data;
  struct iphdr* ip = (void*)(ethernet + 1);
  struct udphdr* udp = (void*)(ip + 1);
  if ((void*)(udp + 1) > (void*)(long)context->data_end) return XDP_ABORTED;
  const __u32 first = 0;
  __u64* count = bpf_map_lookup_elem(&sent, &first);
  if (count == 0) return XDP_ABORTED;
  const __u32 number = (__u32)(*count)++ & (settings.clients - 1);

  memcpy(ethernet->h_dest, (const void*)settings.destination, 6);
  memcpy(ethernet->h_source, (const void*)settings.source, 6);
  ethernet->h_proto = NET16(ETH_P_IP);
  const __u16 length = settings.payload + sizeof *udp + sizeof *ip;
  memset(ip, 0, sizeof *ip);
  ip->version = 4;
  ip->ihl = 5;
  ip->ttl = 64;
  ip->protocol = IPPROTO_UDP;
  ip->tot_len = NET16(length);
  ip->saddr = NET32(HOST32(settings.first_client) + number / PORTS);
  ip->daddr = settings.vip;
  const __u16* words = (const void*)ip;
  __u32 sum = 0;
  UNROLL
  for (int i = 0; i < 10; i++) sum += words[i];
  sum = (sum & 0xffff) + (sum >> 16);
  ip->check = (__u16) ~(sum + (sum >> 16));
  udp->source = NET16(FIRST_PORT + number % PORTS);
  udp->dest = settings.port;
  udp->len = NET16(length - sizeof *ip);
  udp->check = 0;
  return (int)bpf_redirect(settings.ifindex, 0);
}

LICENSE("Dual MIT/GPL");
