import fc from 'fast-check'
import type { ProxyHeader, ProxyTlv, ProxyTlvValues } from 'udp-dsr/proxy'
import { formatIPv4, formatIPv6 } from '../../src/net/ip.js'
import { type InvalidVector, invalidVectors, type ValidVector, validVectors } from './vectors.js'

// Headers and damaged headers for property tests.

const port = fc.nat(0xffff)
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => formatIPv4(bytes, 0))
const bytes6 = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Uint8Array.of(...Array(12).fill(0), ...bytes)),
)
const ipv6 = bytes6.map((bytes) => formatIPv6(bytes, 0))
const endpoint4 = fc.record({ address: ipv4, port })
const endpoint6 = fc.record({ address: ipv6, port })

/** Paths of which nothing is lost: the zeros at the end of the field are not part of one. */
const path = fc
  .uint8Array({ maxLength: 108 })
  .filter((bytes) => bytes.at(-1) !== 0)
  .map((bytes) => ({ path: bytes }))

/** TLVs of any type but CRC32C, whose value is not free. */
const tlv: fc.Arbitrary<ProxyTlv> = fc.record({
  type: fc.nat(0xff).filter((type) => type !== 3),
  value: fc.oneof({ weight: 9, arbitrary: fc.uint8Array({ maxLength: 40 }) }, fc.uint8Array({ maxLength: 700 })),
})
const tlvs = fc.array(tlv, { maxLength: 6 })
const none = fc.constant([] as const)

const transport = fc.constantFrom('STREAM', 'DGRAM')
const PROXY = fc.constant('PROXY' as const)
const UNSPEC = fc.constant('UNSPEC' as const)
const v1 = fc.constant('v1' as const)
const v2 = fc.constant('v2' as const)
const inet = <V, T, L>(version: fc.Arbitrary<V>, kind: fc.Arbitrary<T>, list: fc.Arbitrary<L>) => {
  const rest = { version, command: PROXY, transport: kind, tlvs: list }
  return fc.oneof(
    fc.record({ ...rest, family: fc.constant('IPv4'), source: endpoint4, destination: endpoint4 }),
    fc.record({ ...rest, family: fc.constant('IPv6'), source: endpoint6, destination: endpoint6 }),
  )
}

/** Every header that `decode` can give. */
export const anyHeader = fc.oneof(
  { weight: 6, arbitrary: inet(v2, transport, tlvs) },
  { weight: 2, arbitrary: inet(v1, fc.constant('STREAM'), none) },
  {
    weight: 2,
    arbitrary: inet(fc.constant('spp'), fc.constant('DGRAM'), none).filter((header) => !isBothMapped(header)),
  },
  fc.record({
    version: v2,
    command: PROXY,
    family: fc.constant('UNIX'),
    transport,
    source: path,
    destination: path,
    tlvs,
  }),
  fc.record({ version: fc.oneof(v1, v2), command: PROXY, family: UNSPEC, transport: UNSPEC, tlvs: none }),
  fc.record({ version: v2, command: fc.constant('LOCAL'), family: UNSPEC, transport: UNSPEC, tlvs: none }),
) as fc.Arbitrary<ProxyHeader>

/** SPP tells such addresses as IPv4. */
function isBothMapped({ family, source, destination }: { family: string; source: End; destination: End }): boolean {
  return family === 'IPv6' && [source, destination].every(({ address }) => address.startsWith('::ffff:'))
}
type End = { address: string }

const ascii = fc.string({ unit: 'binary-ascii', maxLength: 40 })
const unicode = fc.string({ unit: 'grapheme', maxLength: 40 })
const opaque = (maxLength: number) => fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes))

/** Values of typed TLVs, each there or not. */
export const anyValues = fc.record(
  {
    alpn: fc.string({ unit: 'binary-ascii', maxLength: 20 }),
    authority: unicode,
    crc32c: fc.nat(0xffffffff),
    uniqueId: opaque(128),
    netns: ascii,
    ssl: fc.record(
      {
        ...{ clientUsedTls: fc.boolean(), clientCertConn: fc.boolean(), clientCertSess: fc.boolean() },
        ...{ verified: fc.boolean(), version: ascii, commonName: unicode, cipher: ascii, signatureAlgorithm: ascii },
        ...{ keyAlgorithm: ascii, group: ascii, signatureScheme: ascii, clientCertificate: opaque(300) },
      },
      { requiredKeys: ['clientUsedTls', 'clientCertConn', 'clientCertSess', 'verified'] },
    ),
    awsVpcEndpointId: ascii,
    azurePrivateEndpointLinkId: fc.nat(0xffffffff),
    gcpPscConnectionId: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<ProxyTlvValues>

const vectors: readonly (ValidVector | InvalidVector)[] = [...validVectors, ...invalidVectors]

/** Bytes that once were a header: some are put in, some taken out, some changed. */
export const damaged: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.constantFrom(...vectors),
    fc.array(fc.record({ at: fc.nat(), cut: fc.nat(6), put: fc.uint8Array({ maxLength: 6 }) }), { maxLength: 4 }),
    fc.uint8Array({ maxLength: 20 }),
  )
  .map(([vector, edits, payload]) => {
    let bytes = vector.bytes
    for (const { at, cut, put } of edits) {
      const from = at % (bytes.length + 1)
      bytes = Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(from + cut)])
    }
    return Buffer.concat([bytes, payload])
  })
