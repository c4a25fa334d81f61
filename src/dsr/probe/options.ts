import { checkInteger, checkOptions, checkPort, checkSignal } from '../../errors/checks.js'
import { invalidArgType, invalidArgValue, missingArgument, outOfRange } from '../../errors.js'
import { type Address, readAddress } from '../address.js'

export interface ProbeOptions {
  /** The address that clients ask. */
  vip: string
  port: number
  /**
   * What is sent, for servers that do not answer just anything: a DNS query, say. Default: bytes of no meaning, of three sizes, for a
   * server that answers or echoes everything.
   */
  payload?: Uint8Array | string | undefined
  /** Whether an answer is a right one. Default: any is. */
  expect?: ((answer: Buffer, question: Buffer) => boolean) | undefined
  /** Bytes of payload of the datagrams that are sent one after the other. A `payload` is sent as it is and needs none. */
  sizes?: readonly number[] | undefined
  /** Milliseconds that each answer is waited for, 1 – 60,000; default 1000. */
  timeout?: number | undefined
  /** Own address to ask from. Default: the kernel chooses. */
  from?: string | undefined
  signal?: AbortSignal | undefined
}

/** The options, read. */
export interface Questions {
  vip: Address
  port: number
  questions: readonly Buffer[]
  expect: (answer: Buffer, question: Buffer) => boolean
  timeout: number
  from: Address | undefined
  signal: AbortSignal | undefined
}

const OPTIONS: readonly (keyof ProbeOptions)[] = [
  'vip',
  'port',
  'payload',
  'expect',
  'sizes',
  'timeout',
  'from',
  'signal',
]
const DEFAULT_TIMEOUT_MS = 1000
const LONGEST_TIMEOUT_MS = 60_000
/** A few bytes; what QUIC takes every path for (RFC 9000 §14); and what fills Ethernet, less the headers of IP and UDP. */
const SMALL = 32
const MEDIUM = 1200
const FULL = { 4: 1500 - 20 - 8, 6: 1500 - 40 - 8 }
/** A UDP length field's limit, less the headers of UDP and IPv4 (RFC 768, RFC 791). */
const LARGEST = 65_507
const TEXT = 'udp-dsr probe '

/** @throws ArgumentTypeError, ArgumentRangeError */
export function readOptions(options: ProbeOptions): Questions {
  checkOptions(options, OPTIONS)
  const { payload, expect = () => true, timeout = DEFAULT_TIMEOUT_MS, signal } = options
  if (options.vip === undefined) throw missingArgument('options.vip')
  const vip = readAddress('options.vip', options.vip)
  const port = checkPort(options.port, false, 'options.port')
  checkInteger('options.timeout', timeout, 1, LONGEST_TIMEOUT_MS)
  if (typeof expect !== 'function') throw invalidArgType('options.expect', 'of type function', expect)
  if (signal !== undefined) checkSignal(signal)
  const from = options.from === undefined ? undefined : readAddress('options.from', options.from)
  if (from !== undefined && from.version !== vip.version) {
    throw invalidArgValue('options.from', `must be an IPv${vip.version} address, as options.vip is`, options.from)
  }
  if (payload === undefined) {
    const sizes = options.sizes ?? [SMALL, MEDIUM, FULL[vip.version]]
    if (!Array.isArray(sizes)) throw invalidArgType('options.sizes', 'an instance of Array', sizes)
    if (sizes.length === 0) throw outOfRange('options.sizes', 'one size or more', sizes)
    for (const [i, size] of sizes.entries()) checkInteger(`options.sizes[${i}]`, size, 1, LARGEST)
    return { vip, port, questions: sizes.map(filled), expect, timeout, from, signal }
  }
  if (options.sizes !== undefined) {
    throw invalidArgValue('options.sizes', 'must be left out where there is a payload', options.sizes)
  }
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) {
    throw invalidArgType('options.payload', 'of type string or an instance of Uint8Array', payload)
  }
  return { vip, port, questions: [Buffer.from(payload as string)], expect, timeout, from, signal }
}

function filled(size: number): Buffer {
  return Buffer.alloc(size, TEXT)
}
