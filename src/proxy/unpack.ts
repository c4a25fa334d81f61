import { formatIPv4, formatIPv6 } from '../net/ip.js'
import { Family, type HeaderScan, Transport } from './scan.js'
import type { ProxyEndpoint, ProxyHeader, ProxyTlv } from './types.js'
import { TLV_FIXED, UNIX_PATH } from './wire.js'

const EMPTY = Buffer.alloc(0)

/** Makes plain data of a header that was scanned. Nothing in it refers to the input. */
export function unpack(scan: HeaderScan): ProxyHeader {
  const { family } = scan
  if (scan.local) return { version: 'v2', command: 'LOCAL', family: 'UNSPEC', transport: 'UNSPEC', tlvs: [] }
  if (family === Family.unspec) {
    const version = scan.version === 'v1' ? 'v1' : 'v2'
    return { version, command: 'PROXY', family: 'UNSPEC', transport: 'UNSPEC', tlvs: [] }
  }
  const transport = scan.transport === Transport.stream ? 'STREAM' : 'DGRAM'
  const tlvs = unpackTlvs(scan.bytes, scan.tlvs, scan.tlvsEnd)
  if (family === Family.unix) {
    const source = { path: unpackPath(scan.bytes, scan.source) }
    const destination = { path: unpackPath(scan.bytes, scan.destination) }
    return { version: 'v2', command: 'PROXY', family: 'UNIX', transport, source, destination, tlvs }
  }
  return {
    version: scan.version,
    command: 'PROXY',
    family: family === Family.inet ? 'IPv4' : 'IPv6',
    transport,
    source: unpackEndpoint(scan, scan.source, scan.sourcePort),
    destination: unpackEndpoint(scan, scan.destination, scan.destinationPort),
    tlvs,
  }
}

/**
 * The TLVs in `[start, end)`, whose lengths are known to fit. Values are views of one copy, and those of no bytes are one
 * and the same: a header may be full of them, and each Buffer takes a hundred bytes.
 */
export function unpackTlvs(bytes: Uint8Array, start: number, end: number): ProxyTlv[] {
  const tlvs: ProxyTlv[] = []
  if (start === end) return tlvs
  const { buffer, byteOffset } = Buffer.from(bytes.subarray(start, end))
  for (let at = start; at < end; ) {
    const size = (bytes[at + 1]! << 8) | bytes[at + 2]!
    const value = size === 0 ? EMPTY : Buffer.from(buffer, byteOffset + at - start + TLV_FIXED, size)
    tlvs.push({ type: bytes[at]!, value })
    at += TLV_FIXED + size
  }
  return tlvs
}

function unpackEndpoint({ bytes, family }: HeaderScan, at: number, port: number): ProxyEndpoint {
  const address = family === Family.inet ? formatIPv4(bytes, at) : formatIPv6(bytes, at)
  return { address, port: (bytes[port]! << 8) | bytes[port + 1]! }
}

/** A path less the zeros at its end. */
function unpackPath(bytes: Uint8Array, at: number): Uint8Array {
  let end = at + UNIX_PATH
  while (end > at && bytes[end - 1] === 0) end--
  return Buffer.from(bytes.subarray(at, end))
}
