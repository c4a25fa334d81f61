// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// What the edge costs a packet. BPF_PROG_TEST_RUN leaves a packet as a program made it, so `cost` puts it
// back as it was before each run, under another client's name; `base` does the same and no more.
#include "edge.bpf.c"

// The packet's first bytes, and how many clients there are.
struct cost_case {
  __u64 headers[8];
  __u32 length;   // bytes of the frame
  __u32 clients;  // a power of two less one; all ones: each packet is a new flow
  __u32 next;
  __u32 version;  // 4 or 6
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
  // The client's address, or its end, and its port.
  if (mine->version == 4) {
    *(__u32*)(data + 26) = number;
    *(__u16*)(data + 34) = (__u16)(number >> 3);
  } else {
    *(__u32*)(data + 34) = number;
    *(__u16*)(data + 54) = (__u16)(number >> 3);
  }
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

SECTION("xdp")
int cost(struct xdp_md* context) { return renew(context) != 0 ? XDP_ABORTED : edge_packet(context); }
