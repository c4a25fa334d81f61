import { inspect } from 'node:util'
import { checkOptions } from '../errors/checks.js'
import { invalidArgType, type ProxyErrorCode, ProxyProtocolError } from '../errors.js'
import { formatIPv4, formatIPv6 } from '../net/ip.js'
import { crc32cOfHeader } from './crc32c.js'
import type { EncodeOptions, ProxyHeaderInput } from './input.js'
import { Transport } from './scan.js'
import type { ProxyTlv } from './types.js'
import {
  INET_BLOCK,
  INET6_BLOCK,
  ProxyTlvType,
  SPP_LENGTH,
  SPP_MAGIC,
  SPP_PORTS,
  TLV_FIXED,
  UNIX_BLOCK,
  UNIX_PATH,
  V2_FIXED,
  V2_LONGEST,
} from './wire.js'
import {
  badTlv,
  checkEndpoint,
  checkPort,
  measureTlvs,
  writeAddress,
  writeTlvs,
  writeUint16,
  writeUint32,
} from './write.js'

type InetInput = Extract<ProxyHeaderInput, { family: 'IPv4' | 'IPv6' }>
type UnixInput = Extract<ProxyHeaderInput, { family: 'UNIX' }>

const NO_TLVS: readonly ProxyTlv[] = []
const CHECKSUM_SIZE = 4

/**
 * Writes a header (proxy-protocol.txt §2.1 for version 1, §2.2 for version 2; SPP as Cloudflare Spectrum sends it).
 * What `decode` gave is written as it was read, byte for byte in version 2 and SPP, but for what has no meaning there.
 *
 * @throws ProxyProtocolError for a header that the version cannot say: ERR_PROXY_VERSION, ERR_PROXY_COMMAND,
 * ERR_PROXY_FAMILY, ERR_PROXY_ADDRESS, ERR_PROXY_TLV, ERR_PROXY_CHECKSUM, ERR_PROXY_TOO_LONG;
 * ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_OPTION
 */
export function encode(header: ProxyHeaderInput, options?: EncodeOptions): Buffer {
  if (header === null || typeof header !== 'object') throw invalidArgType('header', 'of type object', header)
  const checksum = options !== undefined && wantsChecksum(options)
  const command: unknown = header.command
  if (command !== undefined && command !== 'PROXY' && command !== 'LOCAL') {
    throw refuse('ERR_PROXY_COMMAND', `"header.command" is ${inspect(command)}. There are 'PROXY' and 'LOCAL'`)
  }
  if (header.version === 'v2') return encodeV2(header, checksum)
  if (header.version !== 'v1' && header.version !== 'spp') {
    throw refuse('ERR_PROXY_VERSION', `"header.version" is ${inspect(header.version)}. There are 'v1', 'v2' and 'spp'`)
  }
  if (command === 'LOCAL') throw onlyV2('ERR_PROXY_COMMAND', 'the command LOCAL')
  if (checksum) throw onlyV2('ERR_PROXY_CHECKSUM', 'a checksum')
  if ((header.tlvs ?? NO_TLVS).length > 0) throw onlyV2('ERR_PROXY_TLV', 'TLVs')
  return header.version === 'v1' ? encodeV1(header) : encodeSpp(header)
}

function encodeV2(header: ProxyHeaderInput, checksum: boolean): Buffer {
  if (header.command === 'LOCAL' || header.family === 'UNSPEC') return encodeUnspec(header)
  const { family, transport } = header
  if (family !== 'IPv4' && family !== 'IPv6' && family !== 'UNIX') throw badFamily(family)
  const tlvs = header.tlvs ?? NO_TLVS
  const block = family === 'IPv4' ? INET_BLOCK : family === 'IPv6' ? INET6_BLOCK : UNIX_BLOCK
  const given = tlvs === NO_TLVS ? 0 : measureTlvs('header.tlvs', tlvs)
  const added = checksum && !tlvs.some(isChecksum)
  const length = V2_FIXED + block + given + (added ? TLV_FIXED + CHECKSUM_SIZE : 0)
  if (length > V2_LONGEST) {
    throw refuse(
      'ERR_PROXY_TOO_LONG',
      `The header has ${length} bytes, and ${V2_LONGEST} is the limit. Shorten its TLVs`,
    )
  }
  const bytes = Buffer.allocUnsafe(length)
  const families = family === 'IPv4' ? 0x10 : family === 'IPv6' ? 0x20 : 0x30
  writeFixed(bytes, 0x21, families | transportBits(transport), length - V2_FIXED)
  if (header.family === 'UNIX') writePaths(header, bytes)
  else writeInet(header, bytes)
  const end = writeTlvs(tlvs, bytes, V2_FIXED + block)
  if (added) {
    bytes[end] = ProxyTlvType.crc32c
    writeUint16(bytes, end + 1, CHECKSUM_SIZE)
  }
  if (checksum) {
    const field = findChecksum(bytes, V2_FIXED + block)
    writeUint32(bytes, field, crc32cOfHeader(bytes, 0, field, length))
  }
  return bytes
}

/** LOCAL, and PROXY of an unknown family: no addresses, and nothing behind them (§2.2). */
function encodeUnspec(header: ProxyHeaderInput): Buffer {
  const { family = 'UNSPEC', transport = 'UNSPEC', tlvs = NO_TLVS } = header
  if (family !== 'UNSPEC' || transport !== 'UNSPEC') {
    const what = `${inspect(family)} and ${inspect(transport)}`
    throw refuse('ERR_PROXY_FAMILY', `LOCAL and UNSPEC headers have family and transport 'UNSPEC', not ${what}`)
  }
  if (tlvs.length > 0) throw badTlv(`"header.tlvs" has ${tlvs.length}, and LOCAL and UNSPEC headers have none`)
  const bytes = Buffer.allocUnsafe(V2_FIXED)
  writeFixed(bytes, header.command === 'LOCAL' ? 0x20 : 0x21, 0, 0)
  return bytes
}

function writeFixed(bytes: Uint8Array, versionAndCommand: number, familyAndTransport: number, length: number): void {
  // One by one, because a call of `set` for so few takes twice as long.
  bytes[0] = 0x0d
  bytes[1] = 0x0a
  bytes[2] = 0x0d
  bytes[3] = 0x0a
  bytes[4] = 0x00
  bytes[5] = 0x0d
  bytes[6] = 0x0a
  bytes[7] = 0x51
  bytes[8] = 0x55
  bytes[9] = 0x49
  bytes[10] = 0x54
  bytes[11] = 0x0a
  bytes[12] = versionAndCommand
  bytes[13] = familyAndTransport
  writeUint16(bytes, 14, length)
}

function writeInet(header: InetInput, bytes: Uint8Array): void {
  const v6 = header.family === 'IPv6'
  const size = v6 ? 16 : 4
  const source = checkEndpoint('header.source', header.source)
  const destination = checkEndpoint('header.destination', header.destination)
  const ports = V2_FIXED + 2 * size
  writeAddress('header.source.address', v6, source.address, bytes, V2_FIXED)
  writeAddress('header.destination.address', v6, destination.address, bytes, V2_FIXED + size)
  writeUint16(bytes, ports, checkPort('header.source.port', source.port))
  writeUint16(bytes, ports + 2, checkPort('header.destination.port', destination.port))
}

function writePaths({ source, destination }: UnixInput, bytes: Uint8Array): void {
  for (const [name, end, at] of [
    ['source', source, V2_FIXED],
    ['destination', destination, V2_FIXED + UNIX_PATH],
  ] as const) {
    const path: unknown = (end as typeof source | null | undefined)?.path
    if (!(path instanceof Uint8Array)) throw invalidArgType(`header.${name}.path`, 'a Buffer or Uint8Array', path)
    if (path.length > UNIX_PATH) {
      const message = `"header.${name}.path" has ${path.length} bytes, and ${UNIX_PATH} is the limit. Shorten it`
      throw refuse('ERR_PROXY_ADDRESS', message)
    }
    bytes.set(path, at)
    bytes.fill(0, at + path.length, at + UNIX_PATH)
  }
}

/** Where the value of the CRC32C TLV lies, which is there. */
export function findChecksum(bytes: Uint8Array, tlvs: number): number {
  let at = tlvs
  while (bytes[at] !== ProxyTlvType.crc32c) at += TLV_FIXED + ((bytes[at + 1]! << 8) | bytes[at + 2]!)
  return at + TLV_FIXED
}

function encodeV1(header: ProxyHeaderInput): Buffer {
  const { family } = header
  if (family === 'UNSPEC') return Buffer.from('PROXY UNKNOWN\r\n', 'latin1')
  if (family !== 'IPv4' && family !== 'IPv6') {
    throw refuse('ERR_PROXY_FAMILY', `"header.family" is ${inspect(family)}; version 1 has 'IPv4', 'IPv6' and 'UNSPEC'`)
  }
  if (header.transport !== 'STREAM') {
    const message = `"header.transport" is ${inspect(header.transport)}, and version 1 has 'STREAM' alone. Take version 'v2'`
    throw refuse('ERR_PROXY_FAMILY', message)
  }
  // The addresses go through bytes, so that each has one spelling (inet_ntop's) and the line stays within its limit.
  const block = Buffer.allocUnsafe(V2_FIXED + INET6_BLOCK)
  writeInet(header, block)
  const [name, format, size] =
    family === 'IPv4' ? (['TCP4', formatIPv4, 4] as const) : (['TCP6', formatIPv6, 16] as const)
  const addresses = `${format(block, V2_FIXED)} ${format(block, V2_FIXED + size)}`
  return Buffer.from(`PROXY ${name} ${addresses} ${header.source.port} ${header.destination.port}\r\n`, 'latin1')
}

function encodeSpp(header: ProxyHeaderInput): Buffer {
  const { family, transport } = header
  if ((family !== 'IPv4' && family !== 'IPv6') || transport !== 'DGRAM') {
    const what = `${inspect(family)} and ${inspect(transport)}`
    throw refuse('ERR_PROXY_FAMILY', `SPP has family 'IPv4' or 'IPv6' and transport 'DGRAM', not ${what}`)
  }
  const source = checkEndpoint('header.source', header.source)
  const destination = checkEndpoint('header.destination', header.destination)
  const bytes = Buffer.alloc(SPP_LENGTH)
  bytes.set(SPP_MAGIC)
  const v6 = family === 'IPv6'
  for (const [name, address, at] of [
    ['source', source.address, SPP_MAGIC.length],
    ['destination', destination.address, SPP_MAGIC.length + 16],
  ] as const) {
    if (!v6) bytes[at + 10] = bytes[at + 11] = 0xff
    writeAddress(`header.${name}.address`, v6, address, bytes, v6 ? at : at + 12)
  }
  writeUint16(bytes, SPP_PORTS, checkPort('header.source.port', source.port))
  writeUint16(bytes, SPP_PORTS + 2, checkPort('header.destination.port', destination.port))
  return bytes
}

/** The low nibble of byte 13. */
function transportBits(transport: unknown): number {
  if (transport === 'DGRAM') return Transport.dgram
  if (transport === 'STREAM') return Transport.stream
  const message = `"header.transport" is ${inspect(transport)}. With addresses there are 'STREAM' and 'DGRAM'`
  throw refuse('ERR_PROXY_FAMILY', message)
}

function badFamily(family: unknown): ProxyProtocolError {
  const message = `"header.family" is ${inspect(family)}. There are 'IPv4', 'IPv6', 'UNIX' and 'UNSPEC'`
  return refuse('ERR_PROXY_FAMILY', message)
}

const CHECKSUM_OPTION = ['checksum'] as const satisfies readonly (keyof EncodeOptions)[]

function wantsChecksum(options: EncodeOptions): boolean {
  checkOptions(options, CHECKSUM_OPTION)
  const { checksum = false } = options
  if (typeof checksum !== 'boolean') throw invalidArgType('options.checksum', 'of type boolean', checksum)
  return checksum
}

function isChecksum({ type }: ProxyTlv): boolean {
  return type === ProxyTlvType.crc32c
}

function onlyV2(code: ProxyErrorCode, what: string): ProxyProtocolError {
  return refuse(code, `Only version 2 has ${what}. Take version: 'v2', or leave it out`)
}

function refuse(code: ProxyErrorCode, message: string): ProxyProtocolError {
  return new ProxyProtocolError(code, message)
}
