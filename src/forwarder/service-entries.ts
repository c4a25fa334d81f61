import { type FlowSecret, ServiceFlags, type Service as ServiceLayout } from '../bpf/layouts.js'
import { AFFINITIES } from '../pinning/flow-key.js'
import { textOf } from './address.js'
import type { Service, Settings } from './read-config.js'

/** A service that has an entry in the map `service_table`. */
export interface KnownService {
  index: number
  counters: number
  value: ServiceLayout
}

/**
 * @param pool index of its pool
 * @param counters index of its counters
 */
export function serviceValue(
  { affinity, flowTable, quic, learnPorts, pool: name }: Service,
  { secret, pools }: Settings,
  pool: number,
  counters: number,
): ServiceLayout {
  const { memory, quicLb } = pools.get(name)!
  return {
    secret: secretValue(secret),
    pool,
    counters,
    affinity: AFFINITIES.indexOf(affinity),
    flags:
      (flowTable ? ServiceFlags.flowTable : 0) |
      (quic ? ServiceFlags.quic : 0) |
      (learnPorts ? ServiceFlags.learnPorts : 0),
    memory,
    quicConfigBits: quic ? quicLb!.configIds.reduce((bits, id) => bits | (1 << id), 0) : 0,
    quicIdLength: quic ? quicLb!.serverIdLength : 0,
  }
}

/** The entry of `usual_secret`, and what each service has. */
export function secretValue(secret: Settings['secret']): FlowSecret {
  return { words: [secret[0] >>> 0, secret[1] >>> 0] }
}

/** The same for configurations whose services are the same, and their secret. */
export function signatureOf({ services, secret }: Settings): string {
  return JSON.stringify([secret, services.map(({ vips, ...service }) => [vips.map(textOf), service])])
}
