// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// What the edge costs a packet: `cost` less `base`, which puts the packet back and no more.
#include "edge.bpf.c"
#include "renew.h"

SECTION("xdp")
int cost(struct xdp_md* context) { return renew(context) != 0 ? XDP_ABORTED : edge_packet(context); }
