/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Asks flow_hash.h, in the kernel and on the host alike. */
#ifndef UDP_DSR_FLOW_ANSWER_H
#define UDP_DSR_FLOW_ANSWER_H

#include "flow_case.h"
#include "flow_hash.h"

FLOW_HASH_INLINE __u32 answer_ipv4(const struct flow_case* question, enum flow_affinity affinity,
                                   struct flow_secret secret) {
  struct flow_ipv4 flow;
  flow.client = question->client[0];
  flow.local = question->local[0];
  flow.client_port = question->client_port;
  flow.local_port = question->local_port;
  return flow_hash_ipv4(&flow, affinity, secret);
}

FLOW_HASH_INLINE __u32 answer_ipv6(const struct flow_case* question, enum flow_affinity affinity,
                                   struct flow_secret secret) {
  struct flow_ipv6 flow;
  int i;
  FLOW_HASH_UNROLL
  for (i = 0; i < 4; i++) {
    flow.client[i] = question->client[i];
    flow.local[i] = question->local[i];
  }
  flow.client_port = question->client_port;
  flow.local_port = question->local_port;
  return flow_hash_ipv6(&flow, affinity, secret);
}

FLOW_HASH_INLINE void answer(struct flow_case* question) {
  struct flow_secret secret;
  secret.words[0] = question->secret[0];
  secret.words[1] = question->secret[1];
  /* The affinity as a constant, which is how a data plane has it: one program or branch for each. */
  switch (question->affinity | question->version << 4) {
    case FLOW_AFFINITY_CLIENT_IP | 4 << 4:
      question->hash = answer_ipv4(question, FLOW_AFFINITY_CLIENT_IP, secret);
      break;
    case FLOW_AFFINITY_CLIENT_IP_PORT | 4 << 4:
      question->hash = answer_ipv4(question, FLOW_AFFINITY_CLIENT_IP_PORT, secret);
      break;
    case FLOW_AFFINITY_FLOW | 4 << 4:
      question->hash = answer_ipv4(question, FLOW_AFFINITY_FLOW, secret);
      break;
    case FLOW_AFFINITY_CLIENT_IP | 6 << 4:
      question->hash = answer_ipv6(question, FLOW_AFFINITY_CLIENT_IP, secret);
      break;
    case FLOW_AFFINITY_CLIENT_IP_PORT | 6 << 4:
      question->hash = answer_ipv6(question, FLOW_AFFINITY_CLIENT_IP_PORT, secret);
      break;
    case FLOW_AFFINITY_FLOW | 6 << 4:
      question->hash = answer_ipv6(question, FLOW_AFFINITY_FLOW, secret);
      break;
    default:
      return;
  }
  question->slot = flow_slot(question->hash, question->size);
  question->answered = 1;
}

#endif
