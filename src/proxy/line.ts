import { parseIPv4, parseIPv6 } from '../net/ip.js'
import { Fault } from './faults.js'
import { V1_LONGEST, V1_SIGNATURE } from './wire.js'

const CR = 0x0d
const LF = 0x0a

/** `TCP4 source destination port port` behind the signature: single spaces, ports without leading zeros (§2.1). */
const FIELDS = /^TCP([46]) ([\da-fA-F.:]+) ([\da-fA-F.:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/

/** What a line says. */
export interface Line {
  fault: Fault
  /** Of the addresses: 4, 6, or 0 for UNKNOWN. */
  family: 0 | 4 | 6
  /** Bytes with CR and LF; after `Fault.incomplete` what is known to be needed, at least. */
  length: number
}

/**
 * Reads a version 1 line, whose signature was found at `start`.
 *
 * @param block takes both addresses and ports as version 2 has them
 */
export function readLine(block: Uint8Array, bytes: Uint8Array, start: number, end: number): Line {
  const limit = Math.min(end, start + V1_LONGEST)
  let at = start + V1_SIGNATURE.length
  while (at < limit && bytes[at] !== CR) at++
  if (at + 1 >= limit) {
    // No end in sight, or its second half is still to come.
    if (limit === start + V1_LONGEST) return failed(Fault.tooLong)
    return { fault: Fault.incomplete, family: 0, length: Math.max(limit - start + 1, V1_SIGNATURE.length) }
  }
  if (bytes[at + 1] !== LF) return failed(Fault.line)
  const text = latin1(bytes, start + V1_SIGNATURE.length, at)
  const length = at + 2 - start
  if (text === 'UNKNOWN' || text.startsWith('UNKNOWN ')) return { fault: Fault.none, family: 0, length }
  const fields = FIELDS.exec(text)
  if (fields === null)
    return failed(/^TCP[46] /.test(text) && text.split(' ').length === 5 ? Fault.address : Fault.line)
  const [, version, source = '', destination = '', sourcePort, destinationPort] = fields
  const parse = version === '4' ? parseIPv4 : parseIPv6
  const size = version === '4' ? 4 : 16
  if (!parse(source, block, 0) || !parse(destination, block, size)) return failed(Fault.address)
  const ports = [Number(sourcePort), Number(destinationPort)]
  for (const [index, port] of ports.entries()) {
    if (port > 0xffff) return failed(Fault.address)
    block[2 * size + 2 * index] = port >>> 8
    block[2 * size + 2 * index + 1] = port
  }
  return { fault: Fault.none, family: version === '4' ? 4 : 6, length }
}

function failed(fault: Fault): Line {
  return { fault, family: 0, length: 1 }
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to))
}
