import { AsyncResource } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import type { LookupOneOptions } from 'node:dns'
import { lookup as dnsLookup } from 'node:dns'
import { EventEmitter, errorMonitor } from 'node:events'
import { type AddressInfo, isIP } from 'node:net'
import { constants } from 'node:os'
import {
  checkBufferSize,
  checkInteger,
  checkLiteral,
  checkNumber,
  checkPort,
  checkSignal,
  checkString,
} from '../errors/checks.js'
import {
  alreadyBound,
  blockedAddress,
  invalidArgType,
  invalidArgValue,
  invalidFdType,
  isConnected,
  notConnected,
  notRunning,
  outOfRange,
  sendQueueFull,
  systemError,
} from '../errors.js'
import { type NativeSocket, SocketEvent } from '../internal/addon.js'
import { type Thread, thread } from '../internal/thread.js'
import { encode } from '../proxy/encode.js'
import {
  checkSendOptions,
  checkSocketOptions,
  copyPayload,
  type Message,
  parseSend,
  payloadOf,
  splitOptions,
  tosOf,
} from './arguments.js'
import { type BatchOwner, DatagramBatch } from './batch.js'
import { isBlocked } from './block-list.js'
import { sendError } from './failures.js'
import { Inbox, type InboxOwner } from './inbox.js'
import { type IterateOptions, iterateMessages, type ReceivedMessage } from './iterator.js'
import { applyAfterBind, applyBeforeBind, applyOptions, kernelDrops } from './kernel-options.js'
import { DEFAULT_BUSY_POLL, DEFAULT_QUEUE_BYTES, DEFAULT_QUEUE_DATAGRAMS } from './limits.js'
import {
  getBufferSize,
  setBroadcast,
  setBufferSize,
  setMulticastLoopback,
  setMulticastTTL,
  setTTL,
} from './live-options.js'
import { changeMembership, changeSourceMembership, setMulticastInterface } from './multicast.js'
import { type Destination, Outbox, type OutboxOwner } from './outbox.js'
import { PathReader } from './paths.js'
import { takePeerErrors } from './peer-errors.js'
import { FlowGroup } from './pin-flows/group.js'
import { type PinFlowsSettings, readPinFlows } from './pin-flows/options.js'
import { directReply } from './proxy/client.js'
import { ProxyIntake } from './proxy/intake.js'
import { checkProxyOptions } from './proxy/options.js'
import type { Receipt, SendCallback } from './receipt.js'
import type {
  Batch,
  BindOptions,
  OpenOptions,
  PeerError,
  RemoteInfo,
  SendOptions,
  SocketOptions,
  SocketStats,
} from './types.js'

/** Events of a `PktInfoSocket`, and what their listeners get. */
export interface PktInfoSocketEvents {
  message: [msg: Buffer, rinfo: RemoteInfo]
  batch: [batch: Batch]
  listening: []
  connect: []
  close: []
  error: [error: Error]
  /** An ICMP error came back for a datagram (option `receiveErrors`). */
  peerError: [error: PeerError]
  /** A datagram without a callback could not be sent. Never fatal; `stats().sendErrors` counts them too. */
  sendError: [error: Error]
}

const { EAFNOSUPPORT, ECANCELED, EBADF, EINVAL } = constants.errno

/** Node's own channel for new UDP sockets: who watches those of dgram sees these too. */
const created = channel('udp.socket')

const WILDCARD = { udp4: '0.0.0.0', udp6: '::' } as const
const LOOPBACK = { udp4: '127.0.0.1', udp6: '::1' } as const

/** A call that waits until the socket is bound; `fail` is told when it never will be. */
interface Pending {
  run(): void
  fail(error: Error): void
}

/**
 * A UDP socket that knows which local address each datagram came to, and answers from it.
 *
 * It has dgram's methods, overloads and events, so that it can stand where a `dgram.Socket` stood, and beside them:
 * `rinfo.local`, `reply`, `send` with `from`, the `'batch'` event, async iteration and `stats`. Where its behaviour
 * differs from dgram's on purpose is listed in docs/dgram.md.
 *
 * Receives with recvmmsg(2), sends with sendmmsg(2); source addresses through IP_PKTINFO and IPV6_PKTINFO (ip(7),
 * RFC 3542 §6).
 */
export class PktInfoSocket extends EventEmitter<PktInfoSocketEvents> implements AsyncDisposable {
  readonly type: 'udp4' | 'udp6'
  readonly #options: SocketOptions
  readonly #pinFlows: PinFlowsSettings | undefined
  readonly #v6: boolean
  readonly #thread: Thread
  readonly #native: NativeSocket
  readonly #paths: PathReader
  readonly #inbox: Inbox
  readonly #outbox: Outbox
  readonly #intake: ProxyIntake | undefined
  /** Listeners run in the asynchronous context in which the socket was made, as with dgram, not in that of `bind`. */
  readonly #resource = new AsyncResource('PktInfoSocket')
  #bindState: 'unbound' | 'binding' | 'bound' = 'unbound'
  #connectState: 'disconnected' | 'connecting' | 'connected' = 'disconnected'
  #remote: AddressInfo | undefined
  #opened = false
  #closed = false
  #referenced = true
  #pending: Pending[] | undefined
  #group: FlowGroup | undefined
  #droppedByQueue = 0
  #receiveErrors = 0

  /**
   * Opens a socket and binds it.
   *
   * @param options the socket's, and `port` (default 0: the kernel chooses) and `address` (default: the wildcard)
   * @throws (rejects with) ArgumentTypeError, ArgumentRangeError, UnsupportedPlatformError, UnsupportedKernelError,
   * SystemError (EADDRINUSE, EADDRNOTAVAIL, EACCES, EMFILE, …), or the reason of an aborted `signal`
   */
  static override async bind(options: OpenOptions): Promise<PktInfoSocket> {
    const { socket: socketOptions, bind } = splitOptions(options)
    const { signal } = options
    signal?.throwIfAborted()
    const socket = new PktInfoSocket(socketOptions as unknown as SocketOptions)
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        socket.off('error', onError)
        socket.off('listening', onListening)
        socket.off('close', onClose)
      }
      const onListening = () => {
        settle()
        resolve()
      }
      const onError = (error: Error) => {
        settle()
        socket.close()
        reject(error)
      }
      const onClose = () => {
        settle()
        reject(signal?.aborted ? signal.reason : notRunning())
      }
      socket.on('listening', onListening)
      socket.on('error', onError)
      socket.on('close', onClose)
      try {
        socket.bind(bind)
      } catch (error) {
        onError(error as Error)
      }
    })
    return socket
  }

  /**
   * @param options a type or the options of `createSocket`; nothing is opened before it is needed
   * @param listener of `'message'`
   * @throws ArgumentTypeError, ArgumentRangeError, UnsupportedPlatformError
   */
  constructor(options: SocketOptions | SocketOptions['type'], listener?: (msg: Buffer, rinfo: RemoteInfo) => void) {
    super()
    const checked = checkSocketOptions(options)
    this.#options = checked
    this.#pinFlows = readPinFlows(checked)
    this.type = checked.type
    this.#v6 = checked.type === 'udp6'
    this.#thread = thread()
    this.#native = new this.#thread.addon.UdpSocket()
    this.#paths = new PathReader(this.#v6)
    const { bytes = DEFAULT_QUEUE_BYTES, datagrams = DEFAULT_QUEUE_DATAGRAMS } = checked.sendQueue ?? {}
    this.#outbox = new Outbox(this.#native, this.#v6, { bytes, datagrams }, this.#outboxOwner())
    const { proxyProtocol } = checked
    if (proxyProtocol !== undefined) this.#intake = new ProxyIntake(checkProxyOptions(proxyProtocol), this.#paths)
    const batch = new DatagramBatch(this.#paths, this.#outbox, this.#batchOwner(), this.#intake)
    this.#inbox = new Inbox(this.#paths, batch, this.#inboxOwner(), this.#intake)
    if (typeof listener === 'function') this.on('message', listener)
    if (checked.signal !== undefined) this.#closeOn(checked.signal)
    if (created.hasSubscribers) created.publish({ socket: this })
  }

  // ---- Binding and closing

  /** Binds as dgram does; `'listening'` follows, or `'error'`. @throws SocketStateError, ArgumentRangeError */
  bind(port?: number, address?: string, callback?: () => void): this
  bind(port?: number, callback?: () => void): this
  bind(callback?: () => void): this
  bind(options: BindOptions, callback?: () => void): this
  bind(...args: unknown[]): this {
    this.#healthCheck()
    if (this.#bindState !== 'unbound') throw alreadyBound()
    const [first, second] = args
    const options: BindOptions =
      typeof first === 'object' && first !== null
        ? (first as BindOptions)
        : {
            port: typeof first === 'function' ? 0 : (first as number),
            address: typeof second === 'function' ? '' : (second as string),
          }
    const port = options.port === undefined || options.port === null ? 0 : checkPort(options.port, true)
    if (options.address) checkString('address', options.address)
    const { fd } = options
    const adopts = fd !== undefined && fd !== null
    if (adopts) {
      checkInteger('options.fd', fd, 0, 0x7fffffff)
      this.#adopt(fd)
    }
    const callback = args.at(-1)
    if (typeof callback === 'function') onceListening(this, callback as () => void)

    this.#bindState = 'binding'
    if (adopts) {
      this.#startReceiving() // at once, as dgram does: the descriptor is bound already
      this.#tellListening()
      return this
    }
    this.#resolve(options.address || WILDCARD[this.type], (error, address) => {
      if (this.#closed) return
      try {
        if (error !== null) throw error
        this.#bindTo(address, port)
      } catch (failure) {
        this.#bindFailed(failure as Error)
        return
      }
      this.#tellListening()
    })
    return this
  }

  /**
   * Binds at once, and returns the local end; `'listening'` follows. Newer versions of dgram have it.
   *
   * @param options a port, default 0, and an address, default the wildcard: no name
   * @throws SocketStateError, ArgumentTypeError, ArgumentRangeError, UnsupportedKernelError, SystemError
   */
  bindSync(options: { port?: number; address?: string } = {}): AddressInfo {
    this.#healthCheck()
    if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options)
    if (this.#bindState !== 'unbound') throw alreadyBound()
    const port = checkPort(options.port ?? 0, true, 'options.port')
    if (options.address) checkLiteral('options.address', options.address)
    this.#bindState = 'binding'
    try {
      this.#bindTo(options.address || WILDCARD[this.type], port)
    } catch (error) {
      this.#bindState = 'unbound'
      throw error
    }
    process.nextTick(() => {
      if (!this.#closed) this.#tellListening()
    })
    return this.address()
  }

  /** Closes at once, so that the port is free; `'close'` follows. @throws SocketStateError when closed already */
  close(callback?: () => void): this {
    if (typeof callback === 'function') this.once('close', callback)
    if (this.#pending !== undefined) {
      const close = () => {
        if (!this.#closed) this.close()
      }
      this.#pending.push({ run: close, fail: close })
      return this
    }
    this.#healthCheck()
    this.#outbox.close(() => systemError(ECANCELED, 'send'))
    this.#kernelDrops()
    this.#closed = true
    this.#inbox.close()
    this.#native.close()
    this.#group?.leave()
    process.nextTick(() => this.emit('close'))
    return this
  }

  /** Closes the socket and waits for `'close'`; a closed one is left alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    await new Promise<void>((resolve) => this.close(resolve))
  }

  /** The local end. @throws SocketStateError, SystemError EBADF when not bound yet */
  address(): AddressInfo {
    this.#healthCheck()
    const status = this.#opened ? this.#native.localName() : -EBADF
    if (status !== 0) throw systemError(-status, 'getsockname')
    return this.#paths.peer(this.#thread.region.name)
  }

  /** Keeps the process alive while the socket is open; the default. */
  ref(): this {
    return this.#setReferenced(true)
  }

  /** Lets the process end while the socket is open. */
  unref(): this {
    return this.#setReferenced(false)
  }

  // ---- Connecting

  /** Fixes the peer: only its datagrams are received. `'connect'` follows. @throws SocketStateError, ArgumentRangeError */
  connect(port: number, address?: string, callback?: () => void): void
  connect(port: number, callback: () => void): void
  connect(port: number, address?: string | (() => void), callback?: () => void): void {
    const to = checkPort(port)
    const done = typeof address === 'function' ? address : callback
    const host = typeof address === 'function' || address === undefined ? '' : address
    checkString('address', host)
    this.#healthCheck()
    if (this.#connectState !== 'disconnected') throw isConnected()
    this.#connectState = 'connecting'
    this.#whenBound(
      () => this.#connect(to, host, done as ((error?: Error) => void) | undefined),
      () => {
        this.#connectState = 'disconnected'
      },
    )
  }

  /**
   * Connects at once; `'connect'` follows. Newer versions of dgram have it.
   *
   * @param address default the loopback address; no name
   * @throws SocketStateError, ArgumentTypeError, ArgumentRangeError, SystemError
   */
  connectSync(port: number, address?: string): void {
    this.#healthCheck()
    const to = checkPort(port)
    if (this.#connectState !== 'disconnected') throw isConnected()
    if (address) checkLiteral('address', address)
    if (this.#bindState === 'unbound') this.bindSync()
    else if (this.#bindState === 'binding') throw alreadyBound()
    const error = this.#connectTo(address || LOOPBACK[this.type], to)
    if (error !== null) throw error
    process.nextTick(() => {
      if (!this.#closed) this.emit('connect')
    })
  }

  /** @throws SocketStateError when not connected */
  disconnect(): void {
    this.#healthCheck()
    if (this.#connectState !== 'connected') throw notConnected()
    this.#outbox.flush() // what was sent before goes to the peer
    const status = this.#native.disconnect()
    if (status !== 0) throw systemError(-status, 'connect')
    this.#connectState = 'disconnected'
    this.#remote = undefined
    this.#learnPort() // the kernel takes back a port that it chose, and chooses another with the next send
  }

  /** The connected peer. @throws SocketStateError when not connected */
  remoteAddress(): AddressInfo {
    this.#healthCheck()
    if (this.#remote === undefined) throw notConnected()
    return { ...this.#remote }
  }

  // ---- Sending

  /**
   * Sends as dgram does, or with `options` from a chosen address. Without a callback a failure is counted and emitted
   * as `'sendError'`. The payload may be used again at once.
   *
   * @throws ArgumentTypeError, ArgumentRangeError, SocketStateError
   */
  send(msg: Message, port?: number, address?: string, callback?: SendCallback): void
  send(msg: Message, port: number, callback: SendCallback): void
  send(msg: Message, callback?: SendCallback): void
  send(msg: Message, offset: number, length: number, port?: number, address?: string, callback?: SendCallback): void
  send(msg: Message, offset: number, length: number, port: number, callback: SendCallback): void
  send(msg: Message, offset: number, length: number, callback: SendCallback): void
  send(msg: Message, port: number, address: string, options: SendOptions, callback?: SendCallback): void
  send(msg: Message, options: SendOptions, callback?: SendCallback): void
  send(msg: Message, a?: unknown, b?: unknown, c?: unknown, d?: unknown, e?: unknown): void {
    const connected = this.#connectState === 'connected'
    const { payload, port, address, options, callback } = parseSend(connected, msg, a, b, c, d, e)
    if (connected && (port || address))
      throw isConnected(this.#remote && `${this.#remote.address}:${this.#remote.port}`)
    const toPort = connected ? 0 : checkPort(port)
    if (address !== undefined && address !== null) checkString('address', address)
    if (options !== undefined) checkSendOptions(options)
    this.#healthCheck()
    const to: Destination = {
      port: toPort,
      address: connected ? '' : address || LOOPBACK[this.type],
      source: options?.from?.address ?? '',
      ifindex: options?.from?.ifindex ?? 0,
      tos: options === undefined ? -1 : tosOf(options),
    }
    if (this.#bindState === 'bound') {
      this.#sendTo(payload, to, callback)
      return
    }
    this.#checkSource(to)
    const kept = copyPayload(payload)
    this.#whenBound(
      () => this.#sendTo(kept, to, callback),
      (error) => this.#reportSendError(error, callback),
    )
  }

  /** @deprecated dgram's old name for `send` with offset and length. */
  sendto(msg: Message, offset: number, length: number, port: number, address: string, callback?: SendCallback): void {
    if (typeof offset !== 'number') throw invalidArgType('offset', 'of type number', offset)
    if (typeof length !== 'number') throw invalidArgType('length', 'of type number', length)
    if (typeof port !== 'number') throw invalidArgType('port', 'of type number', port)
    checkString('address', address)
    this.send(msg, offset, length, port, address, callback)
  }

  /**
   * Answers a datagram from the address that it came to, or for multicast and broadcast from the interface's own.
   * A failure goes to the callback, else it is counted and emitted as `'sendError'`: a broken peer never closes a
   * server. Behind a proxy the answer goes where the option `proxyProtocol.reply` says.
   *
   * @param rinfo what the `'message'` listener was given, now or earlier
   * @throws ArgumentTypeError, ArgumentRangeError, SocketStateError when closed
   */
  reply(msg: Message, rinfo: RemoteInfo, callback?: SendCallback): void {
    if (this.#closed) throw notRunning()
    const payload = payloadOf(msg)
    const path = this.#inbox.pathOf(rinfo)
    if (path >= 0) {
      this.#outbox.replyTo(path, payload, callback)
      return
    }
    const { local, proxy } = rinfo
    if (local === undefined) throw invalidArgType('rinfo', "what a 'message' listener of this library was given", rinfo)
    const direct = proxy && this.#intake?.settings.direct ? directReply(proxy) : undefined
    if (direct !== undefined) {
      this.#answer(payload, direct, callback)
      return
    }
    this.#intake?.answered(rinfo)
    const { address, port } = rinfo.via ?? rinfo
    const source = local.source
    replyTo.port = port
    replyTo.address = address
    replyTo.source = source
    // The arrival interface is forced only where the source does not stand for it; see Path in native/src/layout.h.
    replyTo.ifindex = source === local.address ? 0 : local.ifindex
    this.#answer(proxy?.version === 'spp' ? behind(encode(proxy), payload) : payload, replyTo, callback)
  }

  // ---- Receiving

  /**
   * Datagrams as an async iterator over a bounded queue. What arrives while it is full is dropped and counted in
   * `stats().droppedByQueue`.
   */
  messages(options: IterateOptions = {}): AsyncIterableIterator<ReceivedMessage> {
    if (options.limit !== undefined) checkInteger('options.limit', options.limit, 1, 2 ** 32 - 1)
    if (options.signal !== undefined) checkSignal(options.signal)
    this.#healthCheck()
    return iterateMessages(this, options, () => {
      this.#droppedByQueue++
    })
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<ReceivedMessage> {
    return this.messages()
  }

  /** Counters since the socket was made; they stay readable after it is closed. */
  stats(): SocketStats {
    const inbox = this.#inbox
    const outbox = this.#outbox
    return {
      received: inbox.received,
      sent: outbox.sent,
      batches: inbox.batches,
      truncated: inbox.truncated,
      droppedByKernel: this.#kernelDrops(),
      droppedByQueue: this.#droppedByQueue,
      sendErrors: outbox.failed,
      receiveErrors: this.#receiveErrors,
      queued: outbox.queued,
      ...(this.#intake && { proxy: this.#intake.stats }),
    }
  }

  // ---- Options of an open socket

  /** Size of the kernel's receive buffer in bytes, as it accounts for it (socket(7): twice what was asked for). */
  getRecvBufferSize(): number {
    return getBufferSize(this.#open(), 'receive')
  }

  getSendBufferSize(): number {
    return getBufferSize(this.#open(), 'send')
  }

  /** @throws ArgumentTypeError ERR_SOCKET_BAD_BUFFER_SIZE */
  setRecvBufferSize(size: number): void {
    checkBufferSize(size)
    setBufferSize(this.#open(), 'receive', size)
  }

  /** @throws ArgumentTypeError ERR_SOCKET_BAD_BUFFER_SIZE */
  setSendBufferSize(size: number): void {
    checkBufferSize(size)
    setBufferSize(this.#open(), 'send', size)
  }

  /** Payload bytes that wait for room in the kernel's send buffer. */
  getSendQueueSize(): number {
    return this.#outbox.queuedBytes
  }

  /** Datagrams that wait for room in the kernel's send buffer. */
  getSendQueueCount(): number {
    return this.#outbox.queued
  }

  /** Allows sending to broadcast addresses (SO_BROADCAST). */
  setBroadcast(flag: boolean): void {
    setBroadcast(this.#open(), flag)
  }

  /** Time to live, or hop limit, of unicast datagrams, 1–255. */
  setTTL(ttl: number): number {
    checkNumber('ttl', ttl)
    setTTL(this.#open(), this.#v6, ttl)
    return ttl
  }

  /** Time to live, or hop limit, of multicast datagrams, 0–255. */
  setMulticastTTL(ttl: number): number {
    checkNumber('ttl', ttl)
    setMulticastTTL(this.#open(), this.#v6, ttl)
    return ttl
  }

  /** Whether this host gets the multicast that it sends. */
  setMulticastLoopback(flag: boolean): boolean {
    setMulticastLoopback(this.#open(), this.#v6, flag)
    return flag
  }

  /** The interface that multicast leaves through: its IPv4 address, or for IPv6 an address with its scope (`::%eth1`). */
  setMulticastInterface(interfaceAddress: string): void {
    checkString('interfaceAddress', interfaceAddress)
    setMulticastInterface(this.#open(), interfaceAddress)
  }

  addMembership(multicastAddress: string, multicastInterface?: string): void {
    changeMembership(this.#open(), true, multicastAddress, multicastInterface)
  }

  dropMembership(multicastAddress: string, multicastInterface?: string): void {
    changeMembership(this.#open(), false, multicastAddress, multicastInterface)
  }

  addSourceSpecificMembership(sourceAddress: string, groupAddress: string, multicastInterface?: string): void {
    checkString('sourceAddress', sourceAddress)
    checkString('groupAddress', groupAddress)
    changeSourceMembership(this.#open(), true, sourceAddress, groupAddress, multicastInterface)
  }

  dropSourceSpecificMembership(sourceAddress: string, groupAddress: string, multicastInterface?: string): void {
    checkString('sourceAddress', sourceAddress)
    checkString('groupAddress', groupAddress)
    changeSourceMembership(this.#open(), false, sourceAddress, groupAddress, multicastInterface)
  }

  // ---- Inside

  #healthCheck(): void {
    if (this.#closed) throw notRunning()
  }

  #inboxOwner(): InboxOwner {
    const blocked = this.#options.receiveBlockList
    return {
      batchListeners: () => this.listenerCount('batch'),
      messageListeners: () => this.listenerCount('message'),
      onBatch: (batch) => this.emit('batch', batch),
      onMessage: (message, rinfo) => this.emit('message', message, rinfo),
      accepts: blocked && ((address) => !isBlocked(blocked, address)),
    }
  }

  #batchOwner(): BatchOwner {
    return {
      send: (bytes, port, address, options) =>
        options === undefined ? this.send(bytes, port, address) : this.send(bytes, port, address, options),
      answer: (bytes, to) => this.#answer(bytes, to, undefined),
    }
  }

  #outboxOwner(): OutboxOwner {
    return {
      onSendFailure: (failure, receipt) => {
        if (this.#wantsSendError(receipt)) this.#tellSendError(sendError(failure, this.#paths), receipt)
      },
      onQueueFull: (receipt) => {
        if (!this.#wantsSendError(receipt)) return
        const queued = { datagrams: this.#outbox.queued, bytes: this.#outbox.queuedBytes }
        this.#tellSendError(sendQueueFull(queued, this.#outbox.limits), receipt)
      },
    }
  }

  /** Errors are costly to make, and a flood of broken peers must not slow down the others: only if somebody looks. */
  #wantsSendError(receipt: Receipt | undefined): boolean {
    return receipt !== undefined || this.listenerCount('sendError') > 0
  }

  #tellSendError(error: Error, receipt: Receipt | undefined): void {
    if (receipt !== undefined) receipt.resolve(error, 0)
    else process.nextTick(() => this.emit('sendError', error))
  }

  #reportSendError(error: Error, callback: SendCallback | undefined): void {
    if (callback !== undefined) process.nextTick(callback, error, 0)
    else process.nextTick(() => this.emit('sendError', error))
  }

  readonly #onEvent = (event: number, value: number): void => {
    switch (event) {
      case SocketEvent.datagrams:
        if (this.#paths.port === 0) this.#learnPort()
        this.#outbox.beginDispatch()
        try {
          this.#inbox.take(value)
        } finally {
          if (!this.#closed) this.#outbox.endDispatch()
        }
        break
      case SocketEvent.writable:
        this.#outbox.drain()
        break
      case SocketEvent.errorQueue:
        for (const error of takePeerErrors(this.#native, this.#paths)) this.emit('peerError', error)
        break
      case SocketEvent.receiveError:
        this.#onReceiveError(value)
        break
    }
  }

  /** Mostly an ICMP error on a connected socket. Never fatal: it is emitted if somebody listens, as dgram does. */
  #onReceiveError(errno: number): void {
    this.#receiveErrors++
    if (this.#options.receiveErrors) return // the error queue told it in detail
    if (this.listenerCount('error') > 0) this.emit('error', systemError(errno, 'recvmsg'))
  }

  /** Opens the descriptor if that has not happened yet, so that options can be set before bind. */
  #open(): NativeSocket {
    this.#healthCheck()
    if (this.#opened) return this.#native
    const status = this.#native.open(this.#v6 ? 6 : 4)
    if (status !== 0) throw systemError(-status, 'socket')
    try {
      applyBeforeBind(this.#native, this.#v6, this.#options)
      this.#applyOptions()
    } catch (error) {
      this.#native.close()
      throw error
    }
    this.#opened = true
    return this.#native
  }

  #bindTo(address: string, port: number): void {
    const native = this.#open()
    if (this.#pinFlows === undefined) this.#bindNative(address, port)
    else this.#joinGroup(native, this.#pinFlows, address, port)
    if (port === 0 && this.#options.localPortRange !== undefined) this.#checkRange(this.#options.localPortRange)
    this.#startReceiving()
  }

  #joinGroup(native: NativeSocket, settings: PinFlowsSettings, address: string, port: number): void {
    try {
      this.#group = FlowGroup.join(native, settings, () => {
        this.#bindNative(address, port)
        const { bindToDevice = '', ipv6Only = false } = this.#options
        return { ...this.address(), type: this.type, device: bindToDevice, ipv6Only }
      })
    } finally {
      this.#opened = native.fd >= 0 // a socket that was bound, and then found no place, is closed
    }
  }

  #bindNative(address: string, port: number): void {
    if (!this.#writeName(address, port)) throw systemError(EINVAL, 'bind', { address, port })
    const status = this.#native.bind()
    if (status !== 0) throw systemError(-status, 'bind', { address, port })
  }

  /** The kernel ignores a range that lies outside of its own, without a word. */
  #checkRange(range: readonly [number, number]): void {
    this.#learnPort()
    const { port } = this.#paths
    if (port === 0 || (port >= range[0] && port <= range[1])) return // 0: bindAddressNoPort
    throw outOfRange('options.localPortRange', 'within `sysctl net.ipv4.ip_local_port_range`', range)
  }

  #adopt(fd: number): void {
    if (this.#opened) throw alreadyBound()
    if (this.#options.pinFlows) throw invalidArgValue('options.fd', 'is not for sockets with pinFlows', fd)
    const family = this.#native.adopt(fd, this.#v6 ? 6 : 4)
    if (family < 0) throw invalidFdType(fd, family === -EBADF ? 'UNKNOWN' : 'not a UDP socket')
    if ((family === 6) !== this.#v6) throw invalidFdType(fd, family === 6 ? 'udp6' : 'udp4')
    this.#opened = true
    this.#applyOptions()
    if (this.#native.peerName() === 0) this.#becomeConnected()
  }

  #applyOptions(): void {
    applyOptions(this.#native, this.#v6, this.#options)
    setBufferSize(this.#native, 'receive', this.#options.recvBufferSize ?? 0)
    setBufferSize(this.#native, 'send', this.#options.sendBufferSize ?? 0)
  }

  #startReceiving(): void {
    applyAfterBind(this.#native, this.#v6)
    const status = this.#resource.runInAsyncScope(() => this.#native.start(this.#onEvent))
    if (status !== 0) throw systemError(-status, 'epoll_ctl')
    if (!this.#referenced) this.#native.setRef(false)
    this.#native.busyPoll(this.#options.busyPoll ?? DEFAULT_BUSY_POLL)
    this.#learnPort()
    this.#bindState = 'bound'
  }

  #tellListening(): void {
    try {
      this.emit('listening')
    } finally {
      this.#runPending() // if a listener that was there before threw
    }
  }

  readonly #runPending = (): void => {
    const pending = this.#pending
    this.#pending = undefined
    for (const { run, fail } of pending ?? []) {
      if (this.#closed) fail(notRunning())
      else run()
    }
  }

  #learnPort(): void {
    if (this.#native.localName() === 0) {
      this.#paths.port = this.#thread.region.words[this.#thread.region.name + this.#thread.region.peerPort]!
    }
  }

  #bindFailed(error: Error): void {
    this.#bindState = 'unbound'
    const pending = this.#pending
    this.#pending = undefined
    this.off('listening', this.#runPending)
    for (const { fail } of pending ?? []) fail(error)
    this.emit('error', error)
  }

  /** Runs `run` when the socket is bound, binding it to a port of the kernel's choice if need be. */
  #whenBound(run: () => void, fail: (error: Error) => void): void {
    if (this.#bindState === 'bound') {
      run()
      return
    }
    if (this.#bindState === 'unbound') this.bind({ port: 0 })
    if (this.#pending === undefined) {
      this.#pending = []
      // As in dgram, what waits has its place among the listeners: one that was there before sends first.
      this.once('listening', this.#runPending)
    }
    this.#pending.push({ run, fail })
  }

  /** A source is never looked up by name. */
  #checkSource({ source }: Destination): void {
    if (source === '' || this.#writeName(source, 0)) return
    throw invalidArgValue('options.from.address', `must be an IPv${this.#v6 ? 6 : 4} address`, source)
  }

  #sendTo(payload: Uint8Array | Uint8Array[], to: Destination, callback: SendCallback | undefined): void {
    const blocked = this.#options.sendBlockList
    if (this.#options.lookup === undefined && blocked === undefined && this.#outbox.send(payload, to, callback)) return
    if (to.port === 0) {
      if (this.#outbox.send(payload, to, callback)) return
      this.#checkSource(to)
      this.#reportSendError(systemError(EINVAL, 'send', to), callback)
      return
    }
    this.#checkSource(to)
    const named = to.address
    const kept = copyPayload(payload)
    this.#resolve(named, (error, address) => {
      if (error !== null) {
        if (callback !== undefined) callback(error, 0)
        else this.emit('error', error)
        return
      }
      if (this.#closed) {
        this.#reportSendError(notRunning(), callback)
        return
      }
      if (blocked && isBlocked(blocked, address)) {
        this.#reportSendError(blockedAddress(address), callback)
        return
      }
      if (this.#outbox.send(kept, { ...to, address }, callback)) return
      this.#reportSendError(systemError(EINVAL, 'send', { address: named, port: to.port }), callback)
    })
  }

  /** Sends to an address that was never a name. */
  #answer(payload: Uint8Array | Uint8Array[], to: Destination, callback: SendCallback | undefined): void {
    if (this.#outbox.send(payload, to, callback)) return
    const errno = isIP(to.address) === 0 ? EINVAL : EAFNOSUPPORT
    this.#reportSendError(systemError(errno, 'send', to), callback)
  }

  #connect(port: number, host: string, callback: ((error?: Error) => void) | undefined): void {
    if (callback !== undefined) this.once('connect', callback)
    this.#resolve(host || LOOPBACK[this.type], (lookupError, address) => {
      if (this.#closed) return
      const error = lookupError ?? this.#connectTo(address, port)
      if (error === null) {
        process.nextTick(() => this.emit('connect'))
        return
      }
      this.#connectState = 'disconnected'
      process.nextTick(() => {
        if (callback === undefined) {
          this.emit('error', error)
          return
        }
        this.off('connect', callback)
        callback(error)
      })
    })
  }

  #connectTo(address: string, port: number): Error | null {
    if (!this.#writeName(address, port)) return systemError(EINVAL, 'connect', { address, port })
    const blocked = this.#options.sendBlockList
    if (blocked && isBlocked(blocked, address)) return blockedAddress(address)
    this.#outbox.flush() // what was sent before goes where it was meant to
    const status = this.#native.connect()
    if (status !== 0) return systemError(-status, 'connect', { address, port })
    this.#writeName(address, port)
    this.#becomeConnected()
    this.#learnPort()
    return null
  }

  /** The peer is in the name path. */
  #becomeConnected(): void {
    this.#remote = this.#paths.peer(this.#thread.region.name)
    this.#connectState = 'connected'
  }

  /** Writes an address into the name path. False when it is no literal of the socket's family. */
  #writeName(address: string, port: number): boolean {
    const { region, ipv4, ipv6 } = this.#thread
    const { words, name } = region
    words[name + region.peerPort] = port
    return (this.#v6 ? ipv6 : ipv4).bytes.encode(address, words, name + region.peer, name + region.peerScope)
  }

  /** Name → address, always asynchronously, in dgram's way. */
  #resolve(name: string, callback: (error: Error | null, address: string) => void): void {
    const family = this.#v6 ? 6 : 4
    const custom = this.#options.lookup
    if (custom !== undefined) {
      const options: LookupOneOptions = { family }
      custom(name, options, (error, address) => callback(error ?? null, address))
      return
    }
    dnsLookup(name, family, (error, address) => callback(error, address))
  }

  #closeOn(signal: AbortSignal): void {
    const onAbort = () => {
      if (!this.#closed) this.close()
    }
    if (signal.aborted) {
      onAbort()
      return
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.once('close', () => signal.removeEventListener('abort', onAbort))
  }

  #setReferenced(referenced: boolean): this {
    this.#referenced = referenced
    if (!this.#closed) this.#native.setRef(referenced)
    return this
  }

  /** Asked while the socket is open, remembered when it is closed. */
  #kernelDrops(): number {
    if (!this.#closed && this.#opened) {
      this.#inbox.kernelDrops = kernelDrops(this.#native) ?? this.#inbox.kernelDrops
    }
    return this.#inbox.kernelDrops
  }
}

/** Filled for each reply: one object for all, since the outbox reads it at once. */
const replyTo: Destination = { port: 0, address: '', source: '', ifindex: 0, tos: -1 }

/** A payload with a header before it. */
function behind(header: Uint8Array, payload: Uint8Array | Uint8Array[]): Uint8Array[] {
  return Array.isArray(payload) ? [header, ...payload] : [header, payload]
}

/**
 * dgram's way: the callback is forgotten when binding fails. As a monitor, so that an error that nobody listens to is not
 * taken for heard.
 */
function onceListening(socket: EventEmitter, callback: () => void): void {
  const forget = () => {
    socket.off(errorMonitor, forget)
    socket.off('listening', onListening)
  }
  const onListening = () => {
    forget()
    callback.call(socket)
  }
  socket.on(errorMonitor, forget)
  socket.on('listening', onListening)
}
