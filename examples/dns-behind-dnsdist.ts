// A DNS server behind dnsdist that tells each client its own address: `whoami.example` is whoever asks.
//
//   npx tsx examples/dns-behind-dnsdist.ts [PORT [TRUSTED]]
//
// dnsdist.conf, for `dnsdist --supervised -C dnsdist.conf`:
//
//   setLocal("127.0.0.1:5301")
//   addLocal("127.0.0.2:5301")
//   newServer({address="127.0.0.1:5300", useProxyProtocol=true})
//
// Then ask dnsdist, from an address of your choice; or ask the server itself, as if there were a proxy:
//
//   kdig @127.0.0.2 -p 5301 -b 127.0.0.7 whoami.example TXT
//   dig @127.0.0.2 -p 5301 -b 127.0.0.7 whoami.example A
//   kdig @127.0.0.1 -p 5300 +proxy=203.0.113.7#4242-198.51.100.1#53 whoami.example TXT

import dns from 'dns-packet'
import { PktInfoSocket, type RemoteInfo } from 'udp-dsr'

const port = Number(process.argv[2] ?? 5300)
/** Where dnsdist sends from. Whoever is trusted can claim to be any client, so this is never "everyone". */
const trusted = [process.argv[3] ?? '127.0.0.1']

const socket = await PktInfoSocket.bind({ type: 'udp4', port, proxyProtocol: { trusted } })

socket.on('message', (msg, rinfo) => {
  const query = readQuery(msg)
  if (query === undefined) return // noise gets no answer
  console.log(`${rinfo.address}:${rinfo.port} asks ${query.question.name} ${query.question.type}, via ${hop(rinfo)}`)
  socket.reply(dns.encode(answer(query, rinfo)), rinfo) // to the dnsdist that this datagram came from, without a header
})

/** The name that is answered; others of its zone do not exist, and all other zones are somebody else's. */
const NAME = 'whoami.example'
const ZONE = /(^|\.)example$/

// Response codes and the field for the kind of query (RFC 1035 §4.1.1).
const NXDOMAIN = 3
const NOTIMP = 4
const REFUSED = 5
const OPCODE = 0x7800

interface Query {
  id: number
  flags: number
  question: dns.Question
}

/** A query with its one question; undefined for everything else that may come. */
function readQuery(msg: Buffer): Query | undefined {
  try {
    const { type, id = 0, flags = 0, questions: [question, ...more] = [] } = dns.decode(msg)
    return type === 'query' && question !== undefined && more.length === 0 ? { id, flags, question } : undefined
  } catch {
    return undefined
  }
}

function answer({ id, flags, question }: Query, client: RemoteInfo): dns.Packet {
  const repeated = flags & (OPCODE | dns.RECURSION_DESIRED)
  const respond = (code: number): dns.Packet => ({
    type: 'response',
    id,
    flags: repeated | code,
    questions: [question],
  })
  const name = question.name.toLowerCase()
  if ((flags & OPCODE) !== 0) return respond(NOTIMP)
  if (question.class !== 'IN' || !ZONE.test(name)) return respond(REFUSED) // dnsdist's health check, too
  if (name !== NAME) return respond(dns.AUTHORITATIVE_ANSWER | NXDOMAIN)
  return { ...respond(dns.AUTHORITATIVE_ANSWER), answers: records(question, client) }
}

/** What there is of the type asked for: an address is told as A or AAAA, whichever it is, and all of it as TXT. */
function records({ name, type }: dns.Question, client: RemoteInfo): dns.Answer[] {
  const ttl = 0 // for nobody but the one who asks
  const { address, family } = client
  if (type === 'TXT')
    return [{ name, type, ttl, data: [`client ${address} port ${client.port}`, `via ${hop(client)}`] }]
  if (type === 'A' && family === 'IPv4') return [{ name, type, ttl, data: address }]
  if (type === 'AAAA' && family === 'IPv6') return [{ name, type, ttl, data: address }]
  return []
}

/** The proxy as the socket saw it, and where the client asked it. */
function hop({ via, proxy }: RemoteInfo): string {
  if (via === undefined) return 'nobody'
  if (proxy?.family !== 'IPv4' && proxy?.family !== 'IPv6') return via.address // its health check: it asks for itself
  return `${via.address}, asked at ${proxy.destination.address} port ${proxy.destination.port}`
}

const local = socket.address()
console.log(`DNS on ${local.address}:${local.port}, for proxies at ${trusted}. Ctrl-C ends it.`)
process.once('SIGINT', () => socket.close())
