// Plain JavaScript, as is all that runs in program.mjs: what is measured is the built package and nothing else.

/**
 * A header, and the bytes that it must be on the wire. They are put together here, by no codec.
 *
 * @typedef {object} Sample
 * @property {import('udp-dsr/proxy').ProxyInetHeader & { version: 'v2' }} header
 * @property {Buffer} bytes the header alone
 * @property {Buffer} tlvBytes those of its TLVs, which proxy-protocol-js takes and gives as one piece
 */

/** Different clients, so that no codec can do the work for one of them beforehand. A power of two. */
export const CLIENTS = 64

const DESTINATION = { address: '198.51.100.2', port: 53 }

/** ALPN, AUTHORITY and UNIQUE_ID, as a DNS-over-TLS proxy sends them. */
const TLVS = [
  { type: 0x01, value: Buffer.from('dot') },
  { type: 0x02, value: Buffer.from('dns.example.org') },
  { type: 0x05, value: Buffer.from('00112233445566778899aabbccddeeff', 'hex') },
]

/** @param {0 | 3} tlvs @returns {Sample[]} */
export function samples(tlvs) {
  return Array.from({ length: CLIENTS }, (_, i) => sample(`203.0.${113 + (i % 3)}.${i * 4}`, 40_000 + i * 257, tlvs))
}

function sample(address, port, count) {
  const tlvs = TLVS.slice(0, count)
  const tlvBytes = Buffer.concat(tlvs.flatMap(({ type, value }) => [Uint8Array.of(type), uint16(value.length), value]))
  const block = Buffer.concat([
    quad(address),
    quad(DESTINATION.address),
    uint16(port),
    uint16(DESTINATION.port),
    tlvBytes,
  ])
  const fixed = Buffer.from('0d0a0d0a000d0a515549540a2112', 'hex')
  return {
    header: {
      ...{ version: 'v2', command: 'PROXY', family: 'IPv4', transport: 'DGRAM' },
      source: { address, port },
      destination: DESTINATION,
      tlvs,
    },
    bytes: Buffer.concat([fixed, uint16(block.length), block]),
    tlvBytes,
  }
}

function quad(address) {
  return Uint8Array.from(address.split('.'), Number)
}

function uint16(value) {
  return Uint8Array.of(value >> 8, value & 0xff)
}
