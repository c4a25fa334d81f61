// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// What taking a packet out of its tunnel costs: `cost` less `base_moved`.
#include "backend.bpf.c"
#include "renew.h"

SECTION("xdp")
int cost(struct xdp_md* context) { return renew(context) != 0 ? XDP_ABORTED : decapsulate(context); }
