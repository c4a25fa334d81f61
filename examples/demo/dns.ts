/** The little of DNS (RFC 1035 §4) that a server needs which tells kdig and dig what address they asked. */

/** Types of resource records (RFC 1035 §3.2.2). */
const TYPE_A = 1
const TYPE_TXT = 16
const CLASS_IN = 1

const HEADER_BYTES = 12
/** This is an answer, and from the authority (RFC 1035 §4.1.1). */
const FLAGS_ANSWER = 0x8400
const FLAG_QUERY_RESPONSE = 0x8000
const FLAG_RECURSION_DESIRED = 0x0100
/** A name that stands at offset 12, where the question's is (RFC 1035 §4.1.4). */
const QUESTION_NAME = 0xc000 | HEADER_BYTES

/**
 * Answers a DNS query: a TXT record with `text`, or an A record with `address` when that is IPv4. Other types get an
 * empty answer. Returns undefined for what is no query.
 *
 * @param address the address that was asked
 */
export function answerQuery(query: Uint8Array, text: string, address: string): Buffer | undefined {
  const packet = Buffer.from(query.buffer, query.byteOffset, query.byteLength)
  const end = questionEnd(packet)
  if (end === undefined) return undefined
  const type = packet.readUInt16BE(end - 4)
  const data = recordData(type, text, address)

  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(packet.readUInt16BE(0), 0)
  header.writeUInt16BE(FLAGS_ANSWER | (packet.readUInt16BE(2) & FLAG_RECURSION_DESIRED), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(data === undefined ? 0 : 1, 6)
  const question = packet.subarray(HEADER_BYTES, end)
  return Buffer.concat([header, question, data === undefined ? Buffer.alloc(0) : record(type, data)])
}

/** Offset behind the one question of a query; undefined when there is none. */
function questionEnd(packet: Buffer): number | undefined {
  if (packet.length < HEADER_BYTES) return undefined
  if ((packet.readUInt16BE(2) & FLAG_QUERY_RESPONSE) !== 0 || packet.readUInt16BE(4) !== 1) return undefined
  let at = HEADER_BYTES
  for (let length = packet[at]; length !== 0; length = packet[at]) {
    // Queries have no compressed names, whose first two bits are set.
    if (length === undefined || length > 63) return undefined
    at += 1 + length
  }
  const end = at + 1 + 4
  return end <= packet.length ? end : undefined
}

function recordData(type: number, text: string, address: string): Buffer | undefined {
  if (type === TYPE_TXT) {
    const characters = Buffer.from(text).subarray(0, 255)
    return Buffer.concat([Buffer.of(characters.length), characters])
  }
  if (type === TYPE_A && !address.includes(':')) return Buffer.from(address.split('.').map(Number))
  return undefined
}

function record(type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(12) // name, type, class, TTL (0: do not keep it), length
  fixed.writeUInt16BE(QUESTION_NAME, 0)
  fixed.writeUInt16BE(type, 2)
  fixed.writeUInt16BE(CLASS_IN, 4)
  fixed.writeUInt16BE(data.length, 10)
  return Buffer.concat([fixed, data])
}
