import { checkString } from '../errors/checks.js'
import { invalidArgValue } from '../errors.js'
import { isMulticast, isUnspecified, isV4Mapped } from '../net/classify.js'
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from '../net/ip.js'

/** An address as maps have it: 16 bytes in network order, IPv4 as v4-mapped. */
export type MappedAddress = Uint8Array

/**
 * Reads the address of a host.
 *
 * @param name of the value, for errors
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
 */
export function readAddress(name: string, text: unknown): MappedAddress {
  checkString(name, text)
  const bytes = new Uint8Array(16)
  if (parseIPv4(text, bytes, 12)) bytes.fill(0xff, 10, 12)
  else if (!parseIPv6(text, bytes, 0)) throw invalidArgValue(name, 'must be an IPv4 or IPv6 address', text)
  if (isMulticast(bytes, 0, 6) || isUnspecified(bytes, 0, 6)) {
    throw invalidArgValue(name, 'must be the address of one host, no group and no wildcard', text)
  }
  return bytes
}

export function isIPv4(address: MappedAddress): boolean {
  return isV4Mapped(address, 0)
}

/** The address as the kernel's routing has it: 4 or 16 bytes. */
export function unmapped(address: MappedAddress): Uint8Array {
  return isIPv4(address) ? address.subarray(12) : address
}

/** 4 or 16 bytes as maps have them. */
export function mapped(address: Uint8Array): MappedAddress {
  if (address.length === 16) return address
  const bytes = new Uint8Array(16)
  bytes.fill(0xff, 10, 12)
  bytes.set(address, 12)
  return bytes
}

export function textOf(address: MappedAddress): string {
  return isIPv4(address) ? formatIPv4(address, 12) : formatIPv6(address, 0)
}
