// What TypeScript makes of the PROXY codec; compiled by types.test.ts and never run.
import {
  decode,
  encode,
  makeTlvs,
  type ProxyHeader,
  type ProxyHeaderInput,
  ProxyHeaderTemplate,
  ProxyHeaderView,
  ProxyProtocolError,
  type ProxyTlvType,
  readTlvs,
} from 'udp-dsr/proxy'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function is<A, B>(equal: Equal<A, B>): void

const { header, length, payload } = decode(new Uint8Array(0), { versions: ['v2', 'spp'], verifyChecksum: false })
is<typeof payload, Buffer>(true)
is<typeof length, number>(true)

// ---- What a header has follows from its family and command

if (header.family === 'IPv4') is<typeof header.source.port, number>(true)
if (header.family === 'UNIX') is<typeof header.source.path, Uint8Array>(true)
if (header.command === 'LOCAL') is<typeof header.family, 'UNSPEC'>(true)
// @ts-expect-error a header without addresses has no source
if (header.family === 'UNSPEC') header.source

// ---- What is read may be written

export const again: Buffer = encode(header)
export const asInput: ProxyHeaderInput = header satisfies ProxyHeader
const source = { address: '192.0.2.1', port: 1 }
const ends = { source, destination: source }
encode({ version: 'v2', family: 'IPv6', transport: 'STREAM', ...ends, tlvs: undefined }, { checksum: undefined })
encode({ version: 'v1', family: 'UNSPEC' })
encode({ version: 'v2', command: 'LOCAL' })
// @ts-expect-error version 1 has no LOCAL
encode({ version: 'v1', command: 'LOCAL' })
// @ts-expect-error addresses need a transport
encode({ version: 'v2', family: 'IPv4', ...ends })
// @ts-expect-error misspelt
encode(header, { checksums: true })
const paths = { source: { path: payload }, destination: { path: payload } }
encode({ version: 'v2', family: 'UNIX', transport: 'DGRAM', ...paths })
// @ts-expect-error SPP has no UNIX sockets
encode({ version: 'spp', family: 'UNIX', transport: 'DGRAM', ...paths })

// ---- View and template

const view = new ProxyHeaderView().read(payload, 0, 28)
is<typeof view.sourceAddress, string | undefined>(true)
is<ReturnType<typeof view.tlv>, Buffer | undefined>(true)
is<ReturnType<typeof view.toHeader>, ProxyHeader>(true)
const template = new ProxyHeaderTemplate({ version: 'spp', family: 'IPv4', transport: 'DGRAM', destination: source })
is<ReturnType<typeof template.write>, number>(true)
// @ts-expect-error a template has one length, and lines of version 1 have many
new ProxyHeaderTemplate({ version: 'v1', family: 'IPv4', transport: 'STREAM', destination: source })

// ---- Typed TLVs

const { ssl, gcpPscConnectionId } = readTlvs(header.tlvs)
is<typeof gcpPscConnectionId, bigint | undefined>(true)
is<NonNullable<typeof ssl>['verified'], boolean>(true)
makeTlvs({ alpn: 'h3', uniqueId: payload })
// @ts-expect-error an SSL TLV says whether the client was verified
makeTlvs({ ssl: { clientUsedTls: true } })
is<typeof ProxyTlvType.azure, 0xee>(true)

// ---- Errors

export function codeOf(error: unknown): ProxyProtocolError['code'] | undefined {
  // @ts-expect-error there is no such code
  if (error instanceof ProxyProtocolError && error.code === 'ERR_PROXY_CHEKSUM') return undefined
  return error instanceof ProxyProtocolError ? error.code : undefined
}
