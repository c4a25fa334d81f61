// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// Answers the flow case that the packet is, and writes the answer into the packet: flow_hash.h as an XDP
// program has it.
#include <linux/bpf.h>

#include "flow_answer.h"

#define SECTION(name) __attribute__((section(name), used))

static void* (*const bpf_map_lookup_elem)(void* map, const void* key) = (void*)BPF_FUNC_map_lookup_elem;

// Known to the runner by its name: a plain symbol stands for the map, and the runner puts the descriptor in.
extern const struct {
} table;

SECTION("xdp")
int flow_hash(struct xdp_md* context) {
  struct flow_case* question = (void*)(long)context->data;
  if ((void*)(question + 1) > (void*)(long)context->data_end) return XDP_ABORTED;
  answer(question);
  const __u32 slot = question->slot;
  const __u16* backend = bpf_map_lookup_elem((void*)&table, &slot);
  question->backend = backend != 0 ? *backend : 0xffff;
  return XDP_PASS;
}
