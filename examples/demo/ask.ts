// The demo's own client. Asks each server of a list (JSON on standard input) and prints what it saw as JSON.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { text } from 'node:stream/consumers'

export interface Target {
  address: string
  port: number
}

export interface Seen {
  /** Where the answer came from, to a socket that takes one from anywhere; undefined when none came. */
  answeredFrom: string | undefined
  /** What the answer says that got through to a connected socket, which takes one only from the address asked. */
  answer: string | undefined
}

const PATIENCE_MS = 2000

/** A query for the TXT record of `which.test`, as in RFC 1035 §4.1: header, name, type TXT, class IN. */
const QUERY = Buffer.from('2a2a00000001000000000000057768696368047465737400' + '00100001', 'hex')

/** Text in the one TXT record of an answer to QUERY: behind the question and 12 bytes of record header, and a length. */
const TEXT_AT = QUERY.length + 13

function open({ address }: Target): Socket {
  return createSocket(isIPv6(address) ? 'udp6' : 'udp4')
}

/** Source and text of the first datagram that comes, or undefined. */
async function answerTo(socket: Socket): Promise<{ from: string; text: string } | undefined> {
  try {
    const [message, rinfo] = await once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
    return { from: rinfo.address, text: message.toString('latin1', TEXT_AT) }
  } catch {
    return undefined
  } finally {
    socket.close()
  }
}

async function ask(target: Target): Promise<Seen> {
  const credulous = open(target)
  credulous.send(QUERY, target.port, target.address)
  const careful = open(target)
  careful.connect(target.port, target.address)
  await once(careful, 'connect')
  careful.send(QUERY)
  const [any, right] = await Promise.all([answerTo(credulous), answerTo(careful)])
  return { answeredFrom: any?.from, answer: right?.text }
}

const targets: Target[] = JSON.parse(await text(process.stdin))
console.log(JSON.stringify(await Promise.all(targets.map(ask))))
