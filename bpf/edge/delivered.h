/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* A packet on its way through the edge, and what is told of it. */
#ifndef UDP_DSR_EDGE_DELIVERED_H
#define UDP_DSR_EDGE_DELIVERED_H

#include "parsing.h"
#include "services.h"

/* A packet on its way to a backend, as it came in. */
struct delivered {
  const struct service* service;
  struct flow_ipv6 flow; /* addresses of IPv4 v4-mapped; of an ICMP error the flow that it is about */
  /* In 64 bits each, so that the verifier knows their bounds also after they were on the stack. */
  __u64 offset;       /* bytes before its IP header: Ethernet and tags */
  __u64 headers;      /* bytes of its IP header, with options or extension headers */
  __u32 length;       /* bytes of the IP packet */
  __u32 hash;         /* of its flow */
  __u8 version;       /* 4 or 6 */
  __u8 tos;           /* TOS octet or traffic class */
  __u8 error;         /* an ICMP error: about a flow, not of it */
  __u8 datagram;      /* UDP that is whole, and fills its packet: a PROXY header can be put in */
  __u8 fragment;      /* a part of a larger packet */
  __u64 tunnel;       /* offset of a packet that may be inside, 0: none */
  __be16 tunnel_port; /* UDP port that it came to; 0: directly in IP */
  __u16 checksum;     /* of the datagram */
  __u32 payload;      /* what UDP says of its length */
};

/* One packet in so many makes an event. */
INLINE void report(const struct delivered* packet, enum reason reason, __u32 backend) {
  if (!settings.events || (bpf_get_prandom_u32() & settings.event_mask) != 0) return;
  struct event* event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
  if (event == 0) return;
  event->time = bpf_ktime_get_ns();
  copy_address(event->client, packet->flow.client);
  copy_address(event->local, packet->flow.local);
  event->client_port = packet->flow.client_port;
  event->local_port = packet->flow.local_port;
  event->service = packet->service != 0 ? (__u16)packet->service->counters : SERVICE_NONE;
  event->backend = (__u16)backend;
  event->length = packet->length;
  event->reason = reason;
  event->protocol = !packet->error ? IPPROTO_UDP : packet->version == 4 ? IPPROTO_ICMP : IPV6_ICMP;
  event->reserved = 0;
  bpf_ringbuf_submit(event, 0);
}

/* Counts a packet that goes no further. Returns the verdict. */
INLINE int dropped(const struct delivered* packet, enum reason reason) {
  report(packet, reason, BACKEND_NONE);
  return ended(reason, packet->length, XDP_DROP);
}

#endif
