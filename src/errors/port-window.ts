import { UdpDsrError } from './base.js'

/** Codes of `PortsExhaustedError`, `PortsQuotaError` and `PortsClosedError`. */
export const PORT_WINDOW_CODES = ['ERR_PORTS_EXHAUSTED', 'ERR_PORTS_QUOTA', 'ERR_PORTS_CLOSED'] as const

/** How many ports are in which state. Each port is in one of them, so the last five add up to `total`. */
export interface PortCounts {
  /** All ports that may be given out. */
  total: number
  /** Nobody has them. */
  free: number
  /** Given out. */
  leased: number
  /** Given back by their owner while a socket may still be bound to them. */
  draining: number
  /** Given back, and not given out again for a while, so that late datagrams meet nobody. */
  quarantined: number
  /** Found in use by others, and left alone for a while. */
  taken: number
}

/** What there is to say about ports of which none is left. */
export interface PortShortage {
  /** What the ports are of; fits after "No free port": `in the window 50000-50099`. */
  where: string
  counts: PortCounts
  /** What was asked for, default `port`. */
  wanted?: string
  /** Milliseconds until the next port comes free by itself, when that is known. */
  retryAfter?: number | undefined
  /** What helps, a sentence without full stop; default fits a `PortWindow`. */
  remedy?: string
}

/** All ports are in use. */
export class PortsExhaustedError extends UdpDsrError {
  readonly code = 'ERR_PORTS_EXHAUSTED'
  /** The ports by state when it happened. */
  readonly counts: Readonly<PortCounts>
  /** Milliseconds until the next port comes free by itself; absent when none will before somebody gives one back. */
  declare readonly retryAfter?: number

  /** @internal */
  constructor({ where, counts, wanted = 'port', retryAfter, remedy = WINDOW_REMEDY }: PortShortage) {
    const { total, free, leased, draining, quarantined, taken } = counts
    const next = retryAfter === undefined ? '' : ` The next one comes free in ${Math.ceil(retryAfter)} ms.`
    super(
      `No free ${wanted} ${where}: of ${total}, ${free} are free, ${leased} leased, ${draining} draining, ` +
        `${quarantined} quarantined and ${taken} taken by others.${next} ${remedy}`,
    )
    this.counts = { ...counts }
    if (retryAfter !== undefined) this.retryAfter = retryAfter
  }
}

const WINDOW_REMEDY = 'Release leases, wait with waitForPort(), shorten the quarantine, or widen the range'

/** An owner has as many ports as it may have. */
export class PortsQuotaError extends UdpDsrError {
  readonly code = 'ERR_PORTS_QUOTA'
  readonly owner: string
  /** Ports that it has, leased and draining. */
  readonly held: number
  /** Ports that it may have: the option `quota`. */
  readonly limit: number

  /** @internal */
  constructor(owner: string, held: number, limit: number, wanted: number) {
    super(
      `'${owner}' holds ${held} ports, may hold ${limit}, and asked for ${wanted} more. ` +
        'Release some of its leases, or raise the option "quota"',
    )
    this.owner = owner
    this.held = held
    this.limit = limit
  }
}

/** The window of ports was closed. */
export class PortsClosedError extends UdpDsrError {
  readonly code = 'ERR_PORTS_CLOSED'
}

export function portsExhausted(shortage: PortShortage): PortsExhaustedError {
  return new PortsExhaustedError(shortage)
}

/**
 * @param held ports that the owner has
 * @param limit ports that it may have
 * @param wanted ports that it asked for now
 */
export function portsQuota(owner: string, held: number, limit: number, wanted: number): PortsQuotaError {
  return new PortsQuotaError(owner, held, limit, wanted)
}

/** @param where as in `PortShortage`, without `in `: `the window 50000-50099` */
export function portsClosed(where: string): PortsClosedError {
  return new PortsClosedError(`Closed: ${where} gives out no ports any more. Make a new PortWindow`)
}
