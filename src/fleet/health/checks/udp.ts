import type { Question } from './datagrams.js'

/**
 * Any datagram, and what the reply begins with.
 *
 * @param payload hexadecimal digits
 * @param expect the same; empty: any reply will do
 */
export function udpQuestion(port: number, payload: string, expect: string): Question {
  const wanted = Buffer.from(expect, 'hex')
  return {
    port,
    datagram: Buffer.from(payload, 'hex'),
    accepts: (reply) => wanted.equals(reply.subarray(0, wanted.length)) || `a reply that does not begin with ${expect}`,
  }
}
