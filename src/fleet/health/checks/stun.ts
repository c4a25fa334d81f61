import { randomBytes } from 'node:crypto'
import { StunType, stunType } from '../../../pinning/stun-message.js'
import type { Question } from './datagrams.js'

const HEADER_BYTES = 20
const TRANSACTION_AT = 8
const MAGIC_COOKIE = 0x2112a442
/** Method Binding, class error response (RFC 8489 §5). */
const BINDING_ERROR = 0x0111

/** A binding request without attributes (RFC 8489 §7.1); its reply has the same transaction ID. */
export function stunQuestion(port: number): Question {
  const datagram = Buffer.alloc(HEADER_BYTES)
  datagram.writeUInt16BE(StunType.bindingRequest, 0)
  datagram.writeUInt32BE(MAGIC_COOKIE, 4)
  const transaction = randomBytes(HEADER_BYTES - TRANSACTION_AT)
  transaction.copy(datagram, TRANSACTION_AT)
  return {
    port,
    datagram,
    accepts(reply) {
      const type = stunType(reply)
      if (type !== StunType.bindingSuccess && type !== BINDING_ERROR) return false
      if (!transaction.equals(reply.subarray(TRANSACTION_AT, HEADER_BYTES))) return false
      return type === StunType.bindingSuccess || 'a binding error'
    },
  }
}
