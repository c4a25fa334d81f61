import { addressTranslation } from './address-translation.js'
import type { Check } from './check.js'
import { conntrackTable } from './conntrack-table.js'
import { decapsulation } from './decapsulation.js'
import { ephemeralPorts } from './ephemeral-ports.js'
import { firewall } from './firewall.js'
import { ipv6Usable } from './ipv6-usable.js'
import { kernel } from './kernel.js'
import { limits } from './limits.js'
import { linkState } from './link-state.js'
import { listener } from './listener.js'
import { lostPackets } from './lost-packets.js'
import { nextHops } from './next-hops.js'
import { offloads } from './offloads.js'
import { pathMtu } from './path-mtu.js'
import { privileges } from './privileges.js'
import { returnRoute } from './return-route.js'
import { reversePath } from './reverse-path.js'
import { trafficControl } from './traffic-control.js'
import { vipAnnounced } from './vip-announced.js'
import { vipLocal } from './vip-local.js'
import { xdpLosses } from './xdp-losses.js'
import { xdpProgram } from './xdp-program.js'

/** All checks, in the order in which a packet meets what they look at. */
export const CHECKS: readonly Check[] = [
  kernel,
  privileges,
  limits,
  linkState,
  offloads,
  xdpProgram,
  xdpLosses,
  nextHops,
  pathMtu,
  decapsulation,
  vipLocal,
  vipAnnounced,
  ipv6Usable,
  reversePath,
  firewall,
  addressTranslation,
  conntrackTable,
  listener,
  ephemeralPorts,
  lostPackets,
  returnRoute,
  trafficControl,
]
