import { parseIPv4, parseIPv6 } from '../../src/net/ip.js'
import { type FlowVector, flowVectors } from '../pinning/vectors.js'
import type { FlowCase } from './flow-cases.js'

/** The vectors as questions to C, one for each table size, with what is to be answered. */
export function vectorCases(): (FlowCase & { hash: number; slot: number })[] {
  return flowVectors.flatMap((vector) =>
    Object.entries(vector.slots).map(([size, slot]) => ({
      ...caseOf(vector),
      size: Number(size),
      hash: vector.hash,
      slot,
    })),
  )
}

/** A vector as a question to C, for the hash alone. */
export function caseOf(vector: FlowVector): FlowCase {
  return { affinity: vector.affinity, secret: Buffer.from(vector.secret, 'hex'), size: 1, ...ends(vector) }
}

/** A packet has both ends in one family: IPv4 beside IPv6 is written v4-mapped. */
function ends({ client, local }: FlowVector): Pick<FlowCase, 'client' | 'local'> {
  const both4 = [client, local].every(({ address }) => !address.includes(':'))
  const bytes = (text: string) => {
    const out = new Uint8Array(both4 ? 4 : 16)
    const address = text.replace(/%.*$/, '')
    if (both4 ? parseIPv4(address, out, 0) : parseIPv6(address, out, 0)) return out
    parseIPv6(`::ffff:${address}`, out, 0)
    return out
  }
  return {
    client: { address: bytes(client.address), port: client.port },
    local: { address: bytes(local.address), port: local.port },
  }
}
