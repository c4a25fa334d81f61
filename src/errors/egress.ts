import { UdpDsrError } from './base.js'

/** Codes of `TupleError`. */
export const TUPLE_CODES = ['ERR_TUPLE_IN_USE', 'ERR_TUPLE_LOCKED', 'ERR_TUPLE_FIXED'] as const

/** Both ends of a connection: what two of one protocol may not have in common. */
export interface FourTuple {
  protocol: 'tcp' | 'udp'
  localAddress: string
  localPort: number
  address: string
  port: number
}

/** A connection could not have the 4-tuple that was asked for, or may not give it up. */
export class TupleError extends UdpDsrError {
  readonly code: (typeof TUPLE_CODES)[number]
  readonly tuple: Readonly<FourTuple>
  constructor(code: (typeof TUPLE_CODES)[number], message: string, tuple: FourTuple) {
    super(message)
    this.code = code
    this.tuple = tuple
  }
}

/** Another socket of this host has both ends. */
export function tupleInUse(tuple: FourTuple): TupleError {
  const { protocol, localPort, port } = tuple
  const which = `ss -anp${protocol[0]} 'sport = :${localPort} and dport = :${port}'`
  const why = protocol === 'tcp' ? ', or one that was closed less than a minute ago (TIME_WAIT)' : ''
  const message =
    `${ends(tuple)} is another socket's${why}; \`${which}\` shows it. ` +
    'Leave localPort out to get a free port, or close that socket first'
  return new TupleError('ERR_TUPLE_IN_USE', message, tuple)
}

/** @param milliseconds how long it was waited for */
export function tupleLocked(tuple: FourTuple, milliseconds: number): TupleError {
  const message =
    `Another process has been opening a socket at ${tuple.localAddress} port ${tuple.localPort} for ${milliseconds} ms. ` +
    'That takes microseconds, so most likely it is stopped: let it go on or end it, or leave localPort out'
  return new TupleError('ERR_TUPLE_LOCKED', message, tuple)
}

/** A socket of `connectUdp` was told to leave its peer. */
export function tupleFixed(tuple: FourTuple): TupleError {
  const message = `A socket of connectUdp stays connected (${ends(tuple)}). Close it, and connect another one`
  return new TupleError('ERR_TUPLE_FIXED', message, tuple)
}

function ends({ protocol, localAddress, localPort, address, port }: FourTuple): string {
  return `${protocol.toUpperCase()} from ${localAddress} port ${localPort} to ${address} port ${port}`
}
