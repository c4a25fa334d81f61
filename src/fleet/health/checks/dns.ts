import { randomInt } from 'node:crypto'
import type { Question } from './datagrams.js'

/** Of a message (RFC 1035 §4.1.1). */
const HEADER_BYTES = 12
const RESPONSE = 0x80
const RECURSION_DESIRED = 0x01
const RCODE = 0x0f
const TYPE_A = 1
const CLASS_IN = 1
/** Codes of a server that works (RFC 1035, RFC 2308): there is an answer, or there is no such name. */
const GOOD_CODES = new Set([0, 3])
const CODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

/** A query for the IPv4 addresses of a name; its reply has the same ID and question. */
export function dnsQuestion(port: number, name: string): Question {
  const labels = name.replace(/\.$/, '').split('.').filter(Boolean)
  const question = Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(Buffer.byteLength(label)), Buffer.from(label)])),
    Buffer.of(0, 0, TYPE_A, 0, CLASS_IN),
  ])
  const header = Buffer.alloc(HEADER_BYTES)
  const id = randomInt(2 ** 16)
  header.writeUInt16BE(id, 0)
  header[2] = RECURSION_DESIRED
  header.writeUInt16BE(1, 4)
  return {
    port,
    datagram: Buffer.concat([header, question]),
    accepts(reply) {
      if (reply.length < HEADER_BYTES || ((reply[0]! << 8) | reply[1]!) !== id || (reply[2]! & RESPONSE) === 0)
        return false
      const code = reply[3]! & RCODE
      if (!GOOD_CODES.has(code)) return CODES[code] ?? `code ${code}`
      const its = Buffer.from(reply.subarray(HEADER_BYTES, HEADER_BYTES + question.length))
      // Names are the same in either case (RFC 4343).
      return its.toString('latin1').toLowerCase() === question.toString('latin1').toLowerCase()
    },
  }
}
