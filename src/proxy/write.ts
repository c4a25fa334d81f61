import { invalidArgType, ProxyProtocolError } from '../errors.js'
import { parseIPv4, parseIPv6 } from '../net/ip.js'
import type { ProxyEndpoint, ProxyTlv } from './types.js'
import { ProxyTlvType, TLV_FIXED } from './wire.js'

/** Writes 0–65535 in network order. */
export function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8
  bytes[at + 1] = value
}

/** Writes 32 bits in network order. @param value signed or not */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  writeUint16(bytes, at, value >>> 16)
  writeUint16(bytes, at + 2, value)
}

/**
 * Writes the 4 or 16 bytes of an address.
 *
 * @param name of the argument or property, for errors
 * @param bytes untouched when it throws
 * @throws ProxyProtocolError ERR_PROXY_ADDRESS; ArgumentTypeError ERR_INVALID_ARG_TYPE
 */
export function writeAddress(name: string, v6: boolean, address: string, bytes: Uint8Array, at: number): void {
  if (typeof address !== 'string') throw invalidArgType(name, 'of type string', address)
  if (v6 ? parseIPv6(address, bytes, at) : parseIPv4(address, bytes, at)) return
  const [family, remedy] = v6
    ? ['IPv6', "Give it without a scope, IPv4 as ::ffff:a.b.c.d, or take family: 'IPv4'"]
    : ['IPv4', "Give it as a.b.c.d, or take family: 'IPv6'"]
  const shown = JSON.stringify(address.slice(0, 64))
  throw new ProxyProtocolError('ERR_PROXY_ADDRESS', `"${name}" is ${shown}, which is no ${family} address. ${remedy}`)
}

/** @throws ProxyProtocolError ERR_PROXY_ADDRESS; ArgumentTypeError ERR_INVALID_ARG_TYPE */
export function checkPort(name: string, port: number): number {
  if (typeof port !== 'number') throw invalidArgType(name, 'of type number', port)
  if (port >= 0 && port <= 0xffff && Number.isInteger(port)) return port
  throw new ProxyProtocolError('ERR_PROXY_ADDRESS', `"${name}" is ${port}. A port is an integer from 0 to 65535`)
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE */
export function checkEndpoint(name: string, endpoint: ProxyEndpoint): ProxyEndpoint {
  if (endpoint === null || typeof endpoint !== 'object') {
    throw invalidArgType(name, 'of type object, with address and port', endpoint)
  }
  return endpoint
}

/**
 * Bytes that TLVs take, once each is known to be one.
 *
 * @throws ProxyProtocolError ERR_PROXY_TLV; ArgumentTypeError ERR_INVALID_ARG_TYPE
 */
export function measureTlvs(name: string, tlvs: readonly ProxyTlv[]): number {
  if (!Array.isArray(tlvs)) throw invalidArgType(name, 'an array of { type, value }', tlvs)
  let total = 0
  let checksums = 0
  for (let i = 0; i < tlvs.length; i++) {
    const tlv = tlvs[i] as ProxyTlv
    if (tlv === null || typeof tlv !== 'object') throw invalidArgType(`${name}[${i}]`, 'of type object', tlv)
    const { type, value } = tlv
    if (typeof type !== 'number') throw invalidArgType(`${name}[${i}].type`, 'of type number', type)
    if (!(value instanceof Uint8Array)) throw invalidArgType(`${name}[${i}].value`, 'a Buffer or Uint8Array', value)
    if (!(type >= 0 && type <= 0xff && Number.isInteger(type))) {
      throw badTlv(`"${name}[${i}].type" is ${type}. A type is an integer from 0 to 255`)
    }
    const size = value.length
    if (size > 0xffff) throw badTlv(`"${name}[${i}].value" has ${size} bytes, and 65535 is the limit. Shorten it`)
    if (type === ProxyTlvType.crc32c) {
      if (size !== 4)
        throw badTlv(`"${name}[${i}]" is a CRC32C of ${size} bytes. Give 4, or let checksum: true write it`)
      if (++checksums > 1) throw badTlv(`"${name}[${i}]" is a second CRC32C. Leave it out`)
    }
    total += TLV_FIXED + size
  }
  return total
}

/** Writes TLVs that were measured; returns where they end. */
export function writeTlvs(tlvs: readonly ProxyTlv[], bytes: Uint8Array, start: number): number {
  let at = start
  for (let i = 0; i < tlvs.length; i++) {
    const { type, value } = tlvs[i] as ProxyTlv
    bytes[at] = type
    writeUint16(bytes, at + 1, value.length)
    bytes.set(value, at + TLV_FIXED)
    at += TLV_FIXED + value.length
  }
  return at
}

/** @param message names the value, the limit and the remedy */
export function badTlv(message: string): ProxyProtocolError {
  return new ProxyProtocolError('ERR_PROXY_TLV', message)
}
