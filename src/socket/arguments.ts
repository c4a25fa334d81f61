import type { BindOptions as DgramBindOptions } from 'node:dgram'
import { checkInteger, checkPortRange, checkProperties, checkSignal, checkString } from '../errors/checks.js'
import { badType, bufferOutOfBounds, invalidArgType, invalidArgValue, unknownOption } from '../errors.js'
import { checkBlockList } from './block-list.js'
import type { SendCallback } from './receipt.js'
import type { BindOptions, SendOptions, SocketOptions } from './types.js'

/** What may be sent: one payload, or parts of one. */
export type Message = string | NodeJS.ArrayBufferView | ReadonlyArray<string | NodeJS.ArrayBufferView>

const SOCKET_OPTIONS = [
  'type',
  'reuseAddr',
  'reusePort',
  'pinFlows',
  'ipv6Only',
  'recvBufferSize',
  'sendBufferSize',
  'lookup',
  'signal',
  'receiveBlockList',
  'sendBlockList',
  'freebind',
  'transparent',
  'bindToDevice',
  'localPortRange',
  'bindAddressNoPort',
  'receiveErrors',
  'gro',
  'gso',
  'busyPoll',
  'proxyProtocol',
  'sendQueue',
] as const satisfies readonly (keyof SocketOptions)[]

const SWITCHES = [
  'reuseAddr',
  'reusePort',
  'ipv6Only',
  'freebind',
  'transparent',
  'bindAddressNoPort',
  'receiveErrors',
  'gro',
  'gso',
] as const

/** Options of bind; the rest of `OpenOptions` are the socket's. */
const BIND_OPTIONS: readonly (keyof DgramBindOptions)[] = ['port', 'address', 'exclusive', 'fd']

/** Longest interface name less its terminator (IFNAMSIZ, linux/if.h). */
const INTERFACE_NAME = 15

/** Splits the options of `PktInfoSocket.bind`. */
export function splitOptions(options: object): { socket: Record<string, unknown>; bind: BindOptions } {
  if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options)
  const socket: Record<string, unknown> = {}
  const bind: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    const target = (BIND_OPTIONS as readonly string[]).includes(name) ? bind : socket
    target[name] = value
  }
  return { socket, bind }
}

/**
 * Checks the options of a socket, and returns them.
 *
 * @throws ArgumentTypeError ERR_SOCKET_BAD_TYPE, ERR_UNKNOWN_OPTION, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE;
 * ArgumentRangeError ERR_OUT_OF_RANGE
 */
export function checkSocketOptions(given: unknown): SocketOptions {
  const options = (typeof given === 'string' ? { type: given } : given) as SocketOptions
  if (options === null || typeof options !== 'object') throw badType(given)
  if (options.type !== 'udp4' && options.type !== 'udp6') throw badType(options.type)
  for (const name of Object.keys(options)) {
    if (!(SOCKET_OPTIONS as readonly string[]).includes(name)) {
      throw unknownOption(name, [...SOCKET_OPTIONS, ...BIND_OPTIONS])
    }
  }
  for (const name of SWITCHES) {
    // dgram takes anything truthy here, but a string 'false' is a bug that is worth finding.
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== 'boolean')
      throw invalidArgType(`options.${name}`, 'of type boolean', value)
  }
  if (options.recvBufferSize) checkInteger('options.recvBufferSize', options.recvBufferSize, 0, 0xffffffff)
  if (options.sendBufferSize) checkInteger('options.sendBufferSize', options.sendBufferSize, 0, 0xffffffff)
  if (options.lookup !== undefined && typeof options.lookup !== 'function') {
    throw invalidArgType('lookup', 'of type function', options.lookup)
  }
  if (options.signal !== undefined) checkSignal(options.signal)
  checkBlockList('options.receiveBlockList', options.receiveBlockList)
  checkBlockList('options.sendBlockList', options.sendBlockList)
  if (options.bindToDevice !== undefined) {
    const device: unknown = options.bindToDevice
    if (typeof device !== 'string') throw invalidArgType('options.bindToDevice', 'of type string', device)
    if (device.length === 0 || device.length > INTERFACE_NAME) {
      throw invalidArgValue(
        'options.bindToDevice',
        `must be an interface name of 1 to ${INTERFACE_NAME} characters`,
        device,
      )
    }
  }
  if (options.busyPoll !== undefined) checkInteger('options.busyPoll', options.busyPoll, 0, 1_000_000)
  if (options.localPortRange !== undefined) checkPortRange('options.localPortRange', options.localPortRange)
  const queue = options.sendQueue
  if (queue !== undefined) {
    checkProperties('sendQueue', queue, ['bytes', 'datagrams'])
    if (queue.bytes !== undefined) checkInteger('options.sendQueue.bytes', queue.bytes, 0, Number.MAX_SAFE_INTEGER)
    if (queue.datagrams !== undefined) checkInteger('options.sendQueue.datagrams', queue.datagrams, 0, 2 ** 32 - 1)
  }
  return options
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ArgumentRangeError ERR_OUT_OF_RANGE */
export function checkSendOptions(options: SendOptions): void {
  const { from, ecn, tos } = options
  if (from !== undefined) {
    if (from === null || typeof from !== 'object') throw invalidArgType('options.from', 'of type object', from)
    if (from.address !== undefined) checkString('options.from.address', from.address)
    if (from.ifindex !== undefined) checkInteger('options.from.ifindex', from.ifindex, 0, 0x7fffffff)
  }
  if (ecn !== undefined) checkInteger('options.ecn', ecn, 0, 3)
  if (tos !== undefined) checkInteger('options.tos', tos, 0, 255)
}

/** The octet to send by `tos` and `ecn`, −1 when neither is given. */
export function tosOf({ tos, ecn }: SendOptions): number {
  if (ecn === undefined) return tos ?? -1
  return ((tos ?? 0) & ~3) | ecn
}

/** Bytes of anything that may be sent. @throws ArgumentTypeError ERR_INVALID_ARG_TYPE */
export function payloadOf(message: Message): Uint8Array | Uint8Array[] {
  if (message instanceof Uint8Array) return message
  if (Array.isArray(message))
    return (message as Array<string | NodeJS.ArrayBufferView>).map((part) => bytesOf(part, 'buffer list arguments'))
  return bytesOf(message as string | NodeJS.ArrayBufferView, 'buffer')
}

/** The payload as it is now, for a datagram that cannot be staged yet. */
export function copyPayload(payload: Uint8Array | Uint8Array[]): Uint8Array {
  return Array.isArray(payload) ? Buffer.concat(payload) : Buffer.from(payload)
}

function bytesOf(part: string | NodeJS.ArrayBufferView, name: string): Uint8Array {
  if (typeof part === 'string') return Buffer.from(part)
  if (!ArrayBuffer.isView(part)) {
    throw invalidArgType(name, 'a string, Buffer, TypedArray or DataView, or an array of them', part)
  }
  return part instanceof Uint8Array ? part : new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
}

/** `length` bytes of a message from `offset` on. @throws ArgumentRangeError ERR_BUFFER_OUT_OF_BOUNDS */
export function slicePayload(message: Message, offset: number, length: number): Uint8Array {
  const bytes = payloadOf(message)
  if (Array.isArray(bytes)) throw invalidArgType('buffer', 'a string, Buffer, TypedArray or DataView', message)
  const from = offset >>> 0
  const size = length >>> 0
  if (from > bytes.length) throw bufferOutOfBounds('offset', from, bytes.length)
  if (from + size > bytes.length) throw bufferOutOfBounds('length', size, bytes.length)
  return bytes.subarray(from, from + size)
}

/** What `send` was called with, by any of its overloads; port and address are not checked yet. */
export interface SendArguments {
  payload: Uint8Array | Uint8Array[]
  port: unknown
  address: unknown
  options: SendOptions | undefined
  callback: SendCallback | undefined
}

/**
 * Tells dgram's overloads of `send`, and those with options, from each other.
 *
 * @throws ArgumentTypeError, ArgumentRangeError for a message that is none, or not that long
 */
export function parseSend(
  connected: boolean,
  message: Message,
  a: unknown,
  b: unknown,
  c: unknown,
  d: unknown,
  e: unknown,
): SendArguments {
  let rest: [port?: unknown, address?: unknown, callback?: unknown]
  let payload: Uint8Array | Uint8Array[]
  let options: SendOptions | undefined
  if (typeof a === 'object' && a !== null) {
    payload = payloadOf(message)
    options = a as SendOptions
    rest = [undefined, undefined, b]
  } else if (typeof c === 'object' && c !== null) {
    payload = payloadOf(message)
    options = c as SendOptions
    rest = [a, b, d]
  } else if (connected ? typeof b === 'number' : d || (c && typeof c !== 'function')) {
    payload = slicePayload(message, a as number, b as number)
    rest = [c, d, e]
  } else {
    payload = payloadOf(message)
    rest = [a, b, c]
  }
  let [port, address, callback] = rest
  // The callback may stand in the place of any argument that may be left out.
  if (connected && typeof port === 'function') {
    callback = port
    port = undefined
  } else if (typeof address === 'function') {
    callback = address
    address = undefined
  }
  const done = typeof callback === 'function' ? (callback as SendCallback) : undefined
  return { payload, port, address, options, callback: done }
}
