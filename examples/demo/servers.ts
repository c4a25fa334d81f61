// The servers that the demo asks, each on the wildcard address of both families: one of node:dgram, and one of
// udp-dsr for every way to answer. Prints their ports as JSON, and ends when its standard input does.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { PktInfoSocket, type RemoteInfo } from 'udp-dsr'
import { answerQuery } from './dns.js'

/** Ports by the names that the demo shows. */
export type ServerPorts = Record<'node:dgram' | 'reply()' | 'batch.reply()' | 'send({ from })', number>

// Dual-stack, where the host has IPv6: then IPv4 addresses look like ::ffff:127.0.0.1.
const type = existsSync('/proc/net/if_inet6') ? 'udp6' : 'udp4'
const plain = (address: string) => address.replace('::ffff:', '')

function answerTo(query: Uint8Array, { local }: Pick<RemoteInfo, 'local'>): Buffer | undefined {
  const asked = plain(local.address)
  return answerQuery(query, `you asked ${asked}`, asked)
}

const dgram = createSocket(type, (query, rinfo) => {
  // All that it knows is where it is bound: to every address.
  const answer = answerQuery(query, 'node:dgram cannot tell which address you asked', '0.0.0.0')
  if (answer !== undefined) dgram.send(answer, rinfo.port, rinfo.address)
})
dgram.bind(0)
await once(dgram, 'listening')

const reply = await PktInfoSocket.bind({ type })
reply.on('message', (query, rinfo) => {
  const answer = answerTo(query, rinfo)
  if (answer !== undefined) reply.reply(answer, rinfo)
})

const batched = await PktInfoSocket.bind({ type })
batched.on('batch', (batch) => {
  for (let i = 0; i < batch.length; i++) {
    const answer = answerTo(batch.payload(i), { local: batch.local(i) })
    if (answer !== undefined) batch.reply(i, answer)
  }
})

const from = await PktInfoSocket.bind({ type })
from.on('message', (query, rinfo) => {
  const answer = answerTo(query, rinfo)
  if (answer !== undefined) from.send(answer, rinfo.port, rinfo.address, { from: { address: rinfo.local.address } })
})

const ports: ServerPorts = {
  'node:dgram': dgram.address().port,
  'reply()': reply.address().port,
  'batch.reply()': batched.address().port,
  'send({ from })': from.address().port,
}
console.log(JSON.stringify(ports))

process.stdin.resume().once('end', () => process.exit())
