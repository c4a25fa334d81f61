import dgram from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { PktInfoSocket, type RemoteInfo } from 'udp-dsr'

const hasIPv6 = existsSync('/proc/net/if_inet6')
const type = hasIPv6 ? 'udp6' : 'udp4'

/** Addresses that every Linux has, of both families. */
export const ADDRESSES: readonly string[] = [
  '127.0.0.1',
  '127.0.0.2',
  '127.0.0.3',
  '127.0.0.53',
  '127.1.2.3',
  '127.100.0.1',
  '127.255.255.254',
  ...(hasIPv6 ? ['::1'] : []),
]

/** The ways in which udp-dsr can answer. */
export const WAYS = ['reply', 'batch', 'from'] as const
export type Way = (typeof WAYS)[number]

/** Makes the answer to a datagram; undefined for none. `asked` is the address it came to, in its plain form. */
export type Respond = (message: Uint8Array, asked: string) => Uint8Array | undefined

const plain = (address: string) => address.replace('::ffff:', '')

/** A socket of udp-dsr on every address of this machine. */
export const bind = () => PktInfoSocket.bind({ type })

/** A socket of node:dgram on every address of this machine. */
export async function bindDgram(): Promise<dgram.Socket> {
  const socket = dgram.createSocket(type)
  socket.bind()
  await once(socket, 'listening')
  return socket
}

/** A server of udp-dsr. */
export async function serve(way: Way, respond: Respond): Promise<PktInfoSocket> {
  const socket = await bind()
  const answerTo = (message: Uint8Array, { local }: Pick<RemoteInfo, 'local'>) => respond(message, plain(local.address))
  if (way === 'batch') {
    socket.on('batch', (batch) => {
      for (let i = 0; i < batch.length; i++) {
        const answer = answerTo(batch.payload(i), { local: batch.local(i) })
        if (answer !== undefined) batch.reply(i, answer)
      }
    })
    return socket
  }
  socket.on('message', (message, rinfo) => {
    const answer = answerTo(message, rinfo)
    if (answer === undefined) return
    if (way === 'reply') socket.reply(answer, rinfo)
    else socket.send(answer, rinfo.port, rinfo.address, { from: { address: rinfo.local.address } })
  })
  return socket
}

/** The same server with node:dgram, which does not know what was asked. */
export async function serveDgram(respond: Respond): Promise<dgram.Socket> {
  const socket = await bindDgram()
  socket.on('message', (message, rinfo) => {
    const answer = respond(message, 'unknown')
    if (answer !== undefined) socket.send(answer, rinfo.port, rinfo.address)
  })
  return socket
}
