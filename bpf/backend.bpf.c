// SPDX-License-Identifier: (MIT OR GPL-2.0-only)
// A backend: undoes what edges that it knows did to packets (IP in IP, GUE variant 1, PROXY headers), so that
// programs see the client and the VIP: `backend_xdp` on Ethernet, `backend_ingress` on devices of layer 3.
// What is no edge's goes on untouched. `backend_egress` sends replies back through the edge, if that is asked
// for.
#include "backend/return_tc.h"
#include "backend/unwrap_tc.h"
#include "backend/unwrap_xdp.h"

SECTION("xdp")
int backend_xdp(struct xdp_md* context) { return decapsulate(context); }

SECTION("tc/ingress")
int backend_ingress(struct __sk_buff* skb) { return decapsulate_skb(skb); }

SECTION("tc/egress")
int backend_egress(struct __sk_buff* skb) { return send_by_edge(skb); }

LICENSE("Dual MIT/GPL");
