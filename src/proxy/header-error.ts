import { inspect } from 'node:util'
import type { ProxyProtocolError } from '../errors.js'
import { crc32cOfHeader } from './crc32c.js'
import { Fault, faultError } from './faults.js'
import type { HeaderScan } from './scan.js'
import { INET_BLOCK, INET6_BLOCK, ProxyTlvType, TLV_FIXED, UNIX_BLOCK, V1_LONGEST } from './wire.js'

/** First bytes that an error shows of what is no header. */
const SHOWN = 16

/** The error for what `scan.read(bytes, start, end)` found, with the value at fault in its message. */
export function headerError(
  fault: Exclude<Fault, 0>,
  scan: HeaderScan,
  bytes: Uint8Array,
  start: number,
  end: number,
): ProxyProtocolError {
  return faultError(fault, detail(fault, scan, bytes, start, end))
}

function detail(fault: Exclude<Fault, 0>, scan: HeaderScan, bytes: Uint8Array, start: number, end: number): string {
  switch (fault) {
    case Fault.incomplete:
      return `It has ${end - start} bytes, the header at least ${scan.length}`
    case Fault.signature:
      return `It begins with ${hex(bytes, start, Math.min(end, start + SHOWN))}`
    case Fault.version:
    case Fault.command:
      return `Byte 12 is 0x${hex(bytes, start + 12, start + 13)}`
    case Fault.family:
      return `Byte 13 is 0x${hex(bytes, start + 13, start + 14)}`
    case Fault.length:
      return tooShort(bytes, start)
    case Fault.line:
    case Fault.address:
      return `The line is ${inspect(line(bytes, start, end))}`
    case Fault.tlv:
      return badTlv(scan, bytes)
    case Fault.checksum:
      return badChecksum(scan, bytes, start)
    case Fault.tooLong:
      return `No CR LF is among the first ${V1_LONGEST} bytes, the longest line that version 1 allows`
  }
}

function tooShort(bytes: Uint8Array, start: number): string {
  const blocks: Record<number, number> = { 1: INET_BLOCK, 2: INET6_BLOCK, 3: UNIX_BLOCK }
  const family = bytes[start + 13]! >>> 4
  return `It is ${uint16(bytes, start + 14)}, and the addresses of family ${family} take ${blocks[family]} bytes`
}

function badTlv({ tlvs, tlvsEnd }: HeaderScan, bytes: Uint8Array): string {
  let checksums = 0
  for (let at = tlvs; at < tlvsEnd; at += TLV_FIXED + uint16(bytes, at + 1)) {
    const left = tlvsEnd - at
    if (left < TLV_FIXED) return `The last ${left} bytes are too few for a TLV`
    const size = uint16(bytes, at + 1)
    const type = `0x${hex(bytes, at, at + 1)}`
    if (size > left - TLV_FIXED) return `TLV ${type} says ${size} bytes where ${left - TLV_FIXED} are left`
    if (bytes[at] !== ProxyTlvType.crc32c) continue
    if (size !== 4) return `TLV ${type} has ${size} bytes`
    if (++checksums === 2) return `TLV ${type} is there more than once`
  }
  return ''
}

function badChecksum({ tlvs, length }: HeaderScan, bytes: Uint8Array, start: number): string {
  let at = tlvs
  while (bytes[at] !== ProxyTlvType.crc32c) at += TLV_FIXED + uint16(bytes, at + 1)
  const field = at + TLV_FIXED
  const right = crc32cOfHeader(bytes, start, field, start + length) >>> 0
  return `It says ${hex(bytes, field, field + 4)}, and the header's is ${right.toString(16).padStart(8, '0')}`
}

function line(bytes: Uint8Array, start: number, end: number): string {
  const text = Buffer.from(bytes.subarray(start, Math.min(end, start + V1_LONGEST))).toString('latin1')
  return text.slice(0, text.indexOf('\r'))
}

function hex(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.subarray(from, to)).toString('hex')
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
