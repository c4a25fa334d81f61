/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* The server that a QUIC datagram names in its connection ID (draft-ietf-quic-load-balancers-21, plaintext
 * server IDs): as src/pinning/quic-lb-selector.ts. */
#ifndef UDP_DSR_EDGE_QUIC_H
#define UDP_DSR_EDGE_QUIC_H

#include "delivered.h"
#include "lookup.h"
#include "parsing.h"

/* Where the destination connection ID is (RFC 8999 §5). */
enum { QUIC_LONG = 0x80, QUIC_LONG_LENGTH_AT = 5, QUIC_SHORT_ID_AT = 1 };

enum { QUIC_CONFIG_SHIFT = 5, QUIC_LONGEST_ID = 8 };

/* The index of the backend that a datagram names, or BACKEND_NONE: then the hash of the flow decides. Call it
 * while the packet is as it came. */
INLINE __u32 named_by_quic(const struct xdp_md* context, const struct delivered* packet) {
  const struct service* service = packet->service;
  const void* data = (void*)(long)context->data;
  const void* end = (void*)(long)context->data_end;
  const __u8* quic = data + packet->offset + packet->headers + sizeof(struct udphdr);
  __u32 room = packet->payload - sizeof(struct udphdr); /* of what follows `quic` */
  if ((const void*)(quic + QUIC_LONG_LENGTH_AT + 1) > end || room < QUIC_LONG_LENGTH_AT + 1)
    return BACKEND_NONE;
  const __u8* id = quic + QUIC_SHORT_ID_AT;
  room -= QUIC_SHORT_ID_AT;
  if (quic[0] & QUIC_LONG) {
    id = quic + QUIC_LONG_LENGTH_AT + 1;
    room -= QUIC_LONG_LENGTH_AT;
    if (quic[QUIC_LONG_LENGTH_AT] > room) return BACKEND_NONE;
    room = quic[QUIC_LONG_LENGTH_AT];
  }
  if (room < 1u + service->quic_id_length || (const void*)(id + 1) > end) return BACKEND_NONE;
  /* Configuration 7 is for those that cannot be routed: nobody has its bit. */
  const __u8 config = id[0] >> QUIC_CONFIG_SHIFT;
  if ((service->quic_config_bits >> config & 1) == 0) return BACKEND_NONE;
  struct quic_server_key key = {
      .memory = service->memory, .config = config, .length = service->quic_id_length, .id = {0}};
  UNROLL
  for (int i = 0; i < QUIC_LONGEST_ID; i++) {
    if (i >= service->quic_id_length) break;
    if ((const void*)(id + i + 2) > end) return BACKEND_NONE;
    key.id[i] = id[i + 1];
  }
  const __u32* index = bpf_map_lookup_elem(&quic_servers, &key);
  return index != 0 ? *index : BACKEND_NONE;
}

#endif
