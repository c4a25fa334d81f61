import type { TestService, World } from '../world.js'

/** Shortest QUIC packet that the edge looks at; real ones are longer. */
const SHORTEST = 6

/** The destination connection ID (RFC 8999 §5); with a short header, which does not tell its length, all that follows. */
function connectionId(datagram: Uint8Array): Uint8Array | undefined {
  if (datagram.length < SHORTEST) return undefined
  if ((datagram[0]! & 0x80) === 0) return datagram.subarray(1)
  const length = datagram[5]!
  const id = datagram.subarray(6, 6 + length)
  return id.length === length ? id : undefined
}

/** A backend's index; or why none is named: there is no connection ID or it is too short, its configuration is not ours, nobody has it. */
export type Named = number | 'no ID' | 'no configuration' | 'nobody'

/** The backend whose server ID is in a datagram's connection ID (draft-ietf-quic-load-balancers-21 §4, without encryption). */
export function namedBy(world: World, { pool, quic }: TestService, datagram: Uint8Array): Named {
  const id = connectionId(datagram)
  if (quic === undefined || id === undefined || id.length < 1 + quic.idLength) return 'no ID'
  const config = id[0]! >> 5
  if ((quic.configBits & (1 << config)) === 0) return 'no configuration'
  const name = Buffer.from(id.subarray(1, 1 + quic.idLength)).toString('hex')
  const servers = world.quicServers ?? []
  return servers.find((one) => one.pool === pool && one.config === config && one.id === name)?.backend ?? 'nobody'
}
