import type { DnsCode, DnsType } from '../options.js'

/** Types of resource records (RFC 1035 §3.2.2, RFC 3596 §2.1, RFC 2782). */
export const DNS_TYPES: Readonly<Record<DnsType, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
}

/** Codes of answers (RFC 1035 §4.1.1). */
export const DNS_CODES: Readonly<Record<DnsCode, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
}

/** ID, flags, and four counts (RFC 1035 §4.1.1). */
const HEADER_BYTES = 12
const CLASS_IN = 1
const FLAG_RESPONSE = 0x8000
const FLAG_RECURSION_DESIRED = 0x0100
const CODE_BITS = 0x000f
/** Of a label and of a name with its length bytes (RFC 1035 §2.3.4). */
const LONGEST_LABEL = 63
const LONGEST_NAME = 255

/** A name as messages have it; undefined when it is none. Letters are in lower case. */
function encodeName(name: string): Buffer | undefined {
  const labels = name === '.' ? [] : name.replace(/\.$/, '').split('.')
  const parts: Buffer[] = []
  for (const label of labels) {
    // Printable ASCII: names of hosts are not all that is asked for (_sip._udp).
    if (!/^[!-~]+$/.test(label) || label.length > LONGEST_LABEL) return undefined
    parts.push(Buffer.of(label.length), Buffer.from(label.toLowerCase(), 'latin1'))
  }
  const encoded = Buffer.concat([...parts, Buffer.of(0)])
  return encoded.length > LONGEST_NAME ? undefined : encoded
}

/** The question section of a query; undefined when the name is none. */
export function encodeQuestion(name: string, type: number): Buffer | undefined {
  const encoded = encodeName(name)
  if (encoded === undefined) return undefined
  const tail = Buffer.alloc(4)
  tail.writeUInt16BE(type, 0)
  tail.writeUInt16BE(CLASS_IN, 2)
  return Buffer.concat([encoded, tail])
}

/** A query with one question. @param id 0–65535 */
export function encodeQuery(id: number, question: Uint8Array): Buffer {
  const query = Buffer.alloc(HEADER_BYTES + question.length)
  query.writeUInt16BE(id, 0)
  query.writeUInt16BE(FLAG_RECURSION_DESIRED, 2)
  query.writeUInt16BE(1, 4)
  query.set(question, HEADER_BYTES)
  return query
}

/**
 * The code of an answer to a query, 0–15; undefined when it is none. The question must be the same, but for the case of letters
 * (RFC 5452 §9.1); an answer that reports a format error may come without.
 */
export function answerCode(datagram: Uint8Array, id: number, question: Uint8Array): number | undefined {
  if (datagram.length < HEADER_BYTES) return undefined
  const message = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.length)
  const flags = message.readUInt16BE(2)
  if (message.readUInt16BE(0) !== id || (flags & FLAG_RESPONSE) === 0) return undefined
  const code = flags & CODE_BITS
  const questions = message.readUInt16BE(4)
  if (questions === 0 && code !== DNS_CODES.NOERROR) return code
  const asked = message.subarray(HEADER_BYTES, HEADER_BYTES + question.length)
  return questions === 1 && sameQuestion(asked, question) ? code : undefined
}

/** Whether two questions differ in nothing but the case of letters. Type and class have no letters that matter here. */
function sameQuestion(asked: Buffer, question: Uint8Array): boolean {
  if (asked.length !== question.length) return false
  const name = asked.length - 4
  return question.every((byte, i) => byte === (i < name ? lower(asked[i]!) : asked[i]!))
}

/** Lengths of labels are below 64, and so never capitals. */
function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}
