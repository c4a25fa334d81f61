import { randomBytes } from 'node:crypto'
import type { FlowCase } from './flow-cases.js'

const AFFINITIES = ['client-ip', 'client-ip-port', 'flow'] as const
/** The first 12 bytes of a v4-mapped address (RFC 4291 §2.5.5.2). */
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff)
const BYTES = 45

/** Flows of all kinds: every affinity, IPv4, IPv6, and v4-mapped ends beside others; a secret and a table size for each. */
export function randomCases(count: number, tableSize: number): FlowCase[] {
  const bytes = randomBytes(count * BYTES)
  return Array.from({ length: count }, (_, i) => {
    const random = bytes.subarray(i * BYTES, (i + 1) * BYTES)
    const kind = random[44]!
    const size = (kind & 32) === 0 ? tableSize : 1 + (random.readUInt32LE(40) % 0x10_0000)
    const length = (kind & 4) === 0 ? 4 : 16
    const end = (at: number, mapped: boolean) => {
      const address = Uint8Array.from(random.subarray(at, at + length))
      if (length === 16 && mapped) address.set(MAPPED)
      return { address, port: random.readUInt16LE(at + 16) }
    }
    return {
      affinity: AFFINITIES[(kind >>> 6) % 3]!,
      secret: Uint8Array.from(random.subarray(36, 44)),
      size,
      client: end(0, (kind & 8) !== 0),
      local: end(18, (kind & 16) !== 0),
    }
  })
}
