// What TypeScript makes of a socket; compiled by types.test.ts and never run.
import type dgram from 'node:dgram'
import { type EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import {
  type Batch,
  type BindOptions,
  type Capabilities,
  createSocket,
  type OpenOptions,
  type PeerError,
  PktInfoSocket,
  type ReceivedMessage,
  type RemoteInfo,
  type SendOptions,
  type SocketOptions,
  type SocketStats,
  SystemError,
} from 'udp-dsr'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function is<A, B>(equal: Equal<A, B>): void

// ---- In the place of dgram

const socket = createSocket('udp4')
export const asDgram: dgram.Socket = socket
export const asEmitter: EventEmitter = socket
export const asDisposable: AsyncDisposable = socket
export const asIterable: AsyncIterable<ReceivedMessage> = socket
export const asFactory: (
  options: dgram.SocketOptions,
  callback?: (msg: Buffer, rinfo: dgram.RemoteInfo) => void,
) => dgram.Socket = createSocket
export const asOtherFactory: (type: dgram.SocketType) => dgram.Socket = createSocket
declare function wantsDgram(socket: dgram.Socket): void
wantsDgram(new PktInfoSocket('udp6'))
wantsDgram(await PktInfoSocket.bind({ type: 'udp4' }))

declare const rinfo: RemoteInfo
export const asRinfo: dgram.RemoteInfo = rinfo
export const fromDgramOptions: SocketOptions = {} as dgram.SocketOptions
export const fromDgramBind: BindOptions = {} as dgram.BindOptions

// A listener that was written for dgram.
const onMessage = (msg: Buffer, from: dgram.RemoteInfo): void => socket.send(msg, from.port, from.address)
createSocket('udp4', onMessage).on('message', onMessage)
createSocket({ type: 'udp4' }, onMessage).once('message', onMessage).off('message', onMessage)

// ---- Every overload of dgram

socket.bind()
socket.bind(53)
socket.bind(53, '::1')
socket.bind(53, () => {})
socket.bind(53, '::1', () => {})
socket.bind(() => {})
socket.bind({ port: 53, address: '::1', exclusive: true, fd: 3 }, () => {})
is<ReturnType<typeof socket.bind>, PktInfoSocket>(true)
socket.close().ref().unref()
socket.close(() => {})
socket.connect(53)
socket.connect(53, () => {})
socket.connect(53, '::1')
socket.connect(53, '::1', () => {})
socket.disconnect()
is<ReturnType<typeof socket.address>, AddressInfo>(true)
is<ReturnType<typeof socket.remoteAddress>, AddressInfo>(true)

const done = (error: Error | null, bytes: number): void => void [error, bytes]
for (const msg of ['text', Buffer.alloc(1), new Uint16Array(1), new DataView(new ArrayBuffer(1))]) {
  socket.send(msg)
  socket.send(msg, done)
  socket.send(msg, 53)
  socket.send(msg, 53, done)
  socket.send(msg, 53, '::1')
  socket.send(msg, 53, '::1', done)
  socket.send(msg, 0, 1)
  socket.send(msg, 0, 1, done)
  socket.send(msg, 0, 1, 53)
  socket.send(msg, 0, 1, 53, done)
  socket.send(msg, 0, 1, 53, '::1')
  socket.send(msg, 0, 1, 53, '::1', done)
}
socket.send(['a', Buffer.alloc(1), new Uint8Array(1)], 53, '::1', done)
socket.send([] as readonly string[], 53)
socket.send('x', 53, (error, bytes) => {
  is<typeof error, Error | null>(true)
  is<typeof bytes, number>(true)
})
is<ReturnType<typeof socket.setTTL>, number>(true)
is<ReturnType<typeof socket.setMulticastLoopback>, boolean>(true)
is<ReturnType<typeof socket.getSendQueueCount>, number>(true)

// ---- Beside dgram

socket.send('x', 53, '::1', { from: { address: '::2', ifindex: 1 }, ecn: 1, tos: 0xb8 }, done)
socket.send('x', { ecn: 3 }, done)
socket.send('x', { ecn: 3 })
socket.reply('x', rinfo)
socket.reply([Buffer.alloc(1)], rinfo, done)
is<typeof rinfo.local.address, string>(true)
is<typeof rinfo.local.ifindex, number>(true)
is<typeof rinfo.truncated, boolean>(true)
export const options: OpenOptions = {
  type: 'udp6',
  port: 53,
  address: '::',
  localPortRange: [1, 2],
  signal: AbortSignal.timeout(1),
  sendQueue: { bytes: 1 },
  reusePort: true,
}
export const stats: SocketStats = socket.stats()
export const found: Capabilities = {} as Capabilities
export const sendOptions: SendOptions = { from: undefined, ecn: undefined }

// ---- Parameters of listeners are known

createSocket('udp4', (msg, from) => {
  is<typeof from, RemoteInfo>(true)
  is<typeof msg, Buffer>(true)
})
socket.on('message', (msg, from) => {
  is<typeof from, RemoteInfo>(true)
  is<typeof msg, Buffer>(true)
})
socket.on('batch', (batch) => {
  is<typeof batch, Batch>(true)
  is<ReturnType<typeof batch.payload>, Buffer>(true)
})
socket.once('peerError', (error) => is<typeof error, PeerError>(true))
socket.addListener('sendError', (error) => is<typeof error, Error>(true))
socket.prependListener('error', (error) => is<typeof error, Error>(true))
socket.prependOnceListener('listening', () => {})
socket.on('connect', () => {}).on('close', () => {})
for await (const { msg, rinfo: from } of socket) {
  is<typeof from, RemoteInfo>(true)
  is<typeof msg, Buffer>(true)
}
export const [first] = await once(socket, 'message')
await using held = socket
held.unref()

// ---- Errors

try {
  await PktInfoSocket.bind(options)
} catch (error) {
  if (error instanceof SystemError && error.code === 'EADDRINUSE') is<typeof error.port, number | undefined>(true)
  // @ts-expect-error there is no such errno
  if (error instanceof SystemError && error.code === 'EADRINUSE') throw error
}

// ---- What is wrong

// @ts-expect-error there is no such type of socket
createSocket('udp5')
// @ts-expect-error the type is missing
createSocket({ reusePort: true })
// @ts-expect-error misspelt
createSocket({ type: 'udp4', reusePrt: true })
// @ts-expect-error switches are booleans
createSocket({ type: 'udp4', gro: 'yes' })
// @ts-expect-error a range has two ends
createSocket({ type: 'udp4', localPortRange: [1] })
// @ts-expect-error there is no such event
socket.on('mesage', () => {})
// @ts-expect-error a number is no payload
socket.send(5, 53)
// @ts-expect-error nor is a list of numbers
socket.send([5], 53)
// @ts-expect-error ECN has two bits
socket.send('x', 53, '::1', { ecn: 4 })
// @ts-expect-error dgram's rinfo does not know where the datagram came to
socket.reply('x', {} as dgram.RemoteInfo)
