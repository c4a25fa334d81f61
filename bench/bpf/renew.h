// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// BPF_PROG_TEST_RUN leaves a packet as a program made it. This puts it back as it was, under another client's
// name.
#ifndef UDP_DSR_BENCH_RENEW_H
#define UDP_DSR_BENCH_RENEW_H

#include "bpf.h"

// The packet's first bytes, and how many clients there are.
struct cost_case {
  __u64 headers[8];
  __u32 length;   // bytes of the frame
  __u32 clients;  // a power of two less one; all ones: each packet is a new flow
  __u32 next;
  __u32 at;       // where the client's address is, the last four bytes of an IPv6 one: at most 56
  __u32 port_at;  // and its port
};

struct {
  MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_TYPE(key, __u32);
  MAP_TYPE(value, struct cost_case);
} cost_cases MAP;

INLINE int renew(struct xdp_md* context) {
  const __u32 first = 0;
  struct cost_case* mine = bpf_map_lookup_elem(&cost_cases, &first);
  if (mine == 0) return -1;
  __u64 length = (__u64)((void*)(long)context->data_end - (void*)(long)context->data);
  OPAQUE(length);
  if (length != mine->length && bpf_xdp_adjust_head(context, (int)(length - mine->length)) != 0) return -1;
  void* data = (void*)(long)context->data;
  if (data + sizeof mine->headers > (void*)(long)context->data_end) return -1;
  __u64* words = data;
  UNROLL
  for (int i = 0; i < 8; i++) words[i] = mine->headers[i];
  const __u32 number = mine->next++ & mine->clients;
  void* address = data + (mine->at & 63);
  if (address + sizeof number > (void*)(long)context->data_end) return -1;
  *(__u32*)address = number;
  void* port = data + (mine->port_at & 63);
  if (port + 2 > (void*)(long)context->data_end) return -1;
  *(__u16*)port = (__u16)(number >> 3);
  return 0;
}

/* Putting a packet back whose front has moved takes a call more: here it moves nothing. */
SECTION("xdp")
int base_moved(struct xdp_md* context) {
  if (bpf_xdp_adjust_head(context, 0) != 0) return XDP_ABORTED;
  return renew(context) != 0 ? XDP_ABORTED : XDP_PASS;
}

SECTION("xdp")
int base(struct xdp_md* context) { return renew(context) != 0 ? XDP_ABORTED : XDP_PASS; }

#endif
