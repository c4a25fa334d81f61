/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* One question to the hash and its answer, as test/bpf/flow-cases.ts writes and reads them. Numbers are
 * little-endian, addresses and ports in network order; an IPv4 address fills the first word of its field. */
#ifndef UDP_DSR_FLOW_CASE_H
#define UDP_DSR_FLOW_CASE_H

#include <linux/types.h>

struct flow_case {
  __u16 affinity; /* enum flow_affinity */
  __u16 version;  /* 4 or 6 */
  __u32 secret[2];
  __u32 size; /* slots of the table */
  __be32 client[4];
  __be32 local[4];
  __be16 client_port;
  __be16 local_port;
  /* The answer. */
  __u32 hash;
  __u32 slot;
  __u16 backend; /* what the table has in that slot; 0xffff beyond its end */
  __u16 answered;
};

#endif
