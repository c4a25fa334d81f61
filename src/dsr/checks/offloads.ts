import { type Outcome, unknown, warning } from '../finding.js'
import { ask } from '../host/tools.js'
import type { Check } from './check.js'
import { usesXdp } from './data-plane.js'

/**
 * Features that merge packets before a program sees them. Drivers refuse XDP while the first is on (mlx5), and while they cannot
 * switch off the second (virtio_net); else they switch it off themselves.
 */
const MERGING = [
  { feature: 'large-receive-offload', state: 'on', fix: (name: string) => `ethtool -K ${name} lro off` },
  {
    feature: 'rx-gro-hw',
    state: 'on \\[fixed\\]',
    fix: () => "# a setting of the hypervisor (virtio: guest offloads); else attach with mode: 'generic'",
  },
]

/** Settings of the driver that keep XDP out of it. */
export const offloads: Check = {
  id: 'offloads',
  title: 'the driver merges no packets before XDP sees them',
  applies: (situation) => usesXdp(situation) && situation.interface !== undefined,
  look: async ({ interface: on }) => {
    const told = await ask('ethtool', ['-k', on!.name], 'ethtool')
    if ('missing' in told) return [unknown(`Could not see the offloads of ${on!.name}`, `${told.missing}.`)]
    return merging(on!.name, told.output)
  },
}

/** @param features what `ethtool -k` prints @internal */
export function merging(name: string, features: string): Outcome[] {
  return MERGING.filter(({ feature, state }) => new RegExp(`^\\s*${feature}: ${state}`, 'm').test(features)).map(
    ({ feature, fix }) =>
      warning(
        `${name} merges packets before XDP sees them: ${feature}`,
        `\`ethtool -k ${name}\` says that it is on. Drivers then run no XDP programs themselves.`,
        fix(name),
      ),
  )
}
