import { setTimeout as sleep } from 'node:timers/promises'
import { type Outcome, unknown, warning } from '../finding.js'
import { ask } from '../host/tools.js'
import type { Check } from './check.js'
import { usesXdp } from './data-plane.js'

/** Counters of drivers for packets that XDP sent and that did not leave: `rx_queue_0_xdp_tx_errors` (veth), `rx_xdp_tx_full` (mlx5). */
const LOST = /^\s*(\w*xdp_(?:tx|xmit|redirect)\w*(?:err|full|drop|fail)\w*): (\d+)$/gm

/**
 * Looks twice at the driver's counters. What XDP sends into a veth is lost unless the other end has an XDP program or GRO on
 * (veth_xdp_xmit, drivers/net/veth.c).
 */
export const xdpLosses: Check = {
  id: 'xdp-losses',
  title: 'what XDP sends leaves the interface',
  applies: (situation) => usesXdp(situation) && situation.interface !== undefined && situation.watch > 0,
  look: async ({ interface: on, watch }) => {
    const name = on!.name
    const before = await counters(name)
    if (!(before instanceof Map)) return before
    await sleep(watch)
    const after = await counters(name)
    if (!(after instanceof Map)) return after
    const rising = [...after].filter(([counter, value]) => value > (before.get(counter) ?? 0))
    if (rising.length === 0) return []
    const list = rising.map(([counter, value]) => `${counter} by ${value - (before.get(counter) ?? 0)}`).join(', ')
    return [
      warning(
        `Packets that XDP sends are lost on ${name}`,
        `Within ${watch} ms these counters of \`ethtool -S ${name}\` rose: ${list}.`,
        '# on a veth, at the other end: ethtool -K DEVICE gro on; on a NIC: larger rings, ethtool -G',
      ),
    ]
  },
}

async function counters(name: string): Promise<Map<string, number> | Outcome[]> {
  const told = await ask('ethtool', ['-S', name], 'ethtool')
  if ('output' in told)
    return new Map([...told.output.matchAll(LOST)].map(([, counter, value]) => [counter!, Number(value)]))
  // Some drivers count nothing.
  if (told.missing.includes('no stats available') || told.missing.includes('not supported')) return new Map()
  return [unknown(`Could not see the counters of ${name}`, `${told.missing}.`)]
}
