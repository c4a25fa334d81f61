import { checkOptions } from '../../../errors/checks.js'
import { invalidArgType, invalidArgValue } from '../../../errors.js'
import { agones } from './agones.js'
import { coturn } from './coturn.js'
import { fly } from './fly.js'
import { type LivekitOptions, livekit } from './livekit.js'
import { type MediasoupOptions, mediasoup } from './mediasoup.js'
import { type NftablesOptions, nftables } from './nftables.js'
import { type NodeDatachannelOptions, nodeDatachannel } from './node-datachannel.js'
import { pion } from './pion.js'
import { werift } from './werift.js'
import type { RenderInput } from './window.js'

export type { LivekitOptions, MediasoupOptions, NftablesOptions, NodeDatachannelOptions }

/** Options by target; those without any take an empty object. */
export interface RenderOptions {
  livekit: LivekitOptions
  mediasoup: MediasoupOptions
  coturn: Record<string, never>
  werift: Record<string, never>
  'node-datachannel': NodeDatachannelOptions
  pion: Record<string, never>
  agones: Record<string, never>
  fly: Record<string, never>
  nftables: NftablesOptions
}

/**
 * What a plan can be written for:
 *
 * - `livekit`: `rtc.port_range_start` and `rtc.port_range_end` of livekit.yaml, or `rtc.udp_port` (option `mux`)
 * - `mediasoup`: JavaScript, `listenInfos` with `portRange` (options `ip`, `announcedAddress`)
 * - `coturn`: `min-port` and `max-port` of turnserver.conf
 * - `werift`: JavaScript, `icePortRange`
 * - `node-datachannel`: JavaScript, `portRangeBegin` and `portRangeEnd` (option `mux`)
 * - `pion`: Go, `SetEphemeralUDPPortRange`
 * - `agones`: values of the Helm chart, `gameservers.minPort` and `maxPort`
 * - `fly`: a service of fly.toml with all windows
 * - `nftables`: a ruleset for `nft -f` with all windows (option `table`)
 */
export type RenderTarget = keyof RenderOptions

const TARGETS: {
  readonly [Target in RenderTarget]: {
    readonly render: (input: RenderInput, options: RenderOptions[Target]) => string
    readonly options: readonly (keyof RenderOptions[Target] & string)[]
  }
} = {
  livekit: { render: livekit, options: ['mux'] },
  mediasoup: { render: mediasoup, options: ['ip', 'announcedAddress'] },
  coturn: { render: coturn, options: [] },
  werift: { render: werift, options: [] },
  'node-datachannel': { render: nodeDatachannel, options: ['mux'] },
  pion: { render: pion, options: [] },
  agones: { render: agones, options: [] },
  fly: { render: fly, options: [] },
  nftables: { render: nftables, options: ['table'] },
}

/** @throws what `PortPlan.render` throws */
export function render<Target extends RenderTarget>(
  target: Target,
  options: RenderOptions[Target] | undefined,
  input: RenderInput,
): string {
  if (!Object.hasOwn(TARGETS, target)) {
    const known = Object.keys(TARGETS).map((name) => `'${name}'`)
    throw invalidArgValue('target', `must be one of ${known.join(', ')}`, target)
  }
  const { render, options: known } = TARGETS[target]
  const given = options ?? ({} as RenderOptions[Target])
  checkOptions(given, known)
  if ('mux' in given && given.mux !== undefined && typeof given.mux !== 'boolean') {
    throw invalidArgType('options.mux', 'of type boolean', given.mux)
  }
  return render(input, given)
}
