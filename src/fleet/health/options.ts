import type { HealthCheck } from './check.js'

/** A datagram that gets an answer: any, or one that begins with certain bytes. */
export interface UdpCheckOptions {
  check: 'udp'
  /** 1–65535. */
  port: number
  /** What is sent, 0–1200 bytes; a text is hexadecimal digits. Default: the four bytes of `ping`. */
  payload?: Uint8Array | string | undefined
  /** How an answer begins, 1–1200 bytes; a text is hexadecimal digits. Default: any answer will do, an empty one too. */
  expect?: Uint8Array | string | undefined
  /** Bits of `expect` that count, as many bytes. Default: all. */
  mask?: Uint8Array | string | undefined
}

/** A Binding request (RFC 8489 §2) that gets a success response. */
export interface StunCheckOptions {
  check: 'stun'
  /** 1–65535, default 3478. */
  port?: number | undefined
}

/** Types of DNS questions by name (RFC 1035 §3.2.2, RFC 3596, RFC 2782). */
export type DnsType = 'A' | 'AAAA' | 'CNAME' | 'MX' | 'NS' | 'PTR' | 'SOA' | 'SRV' | 'TXT'

/** Codes of DNS answers by name (RFC 1035 §4.1.1, RFC 2136 §2.2). */
export type DnsCode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED'

/** A question over UDP that gets an answer. */
export interface DnsCheckOptions {
  check: 'dns'
  /** 1–65535, default 53. */
  port?: number | undefined
  /** In ASCII (IDNA: as `xn--…`), with or without the last dot; `.` is the root. */
  name: string
  /** A name, or a number 1–65535. Default `A`. */
  type?: DnsType | number | undefined
  /** Codes of answers that are good, names or numbers 0–15. Default `NOERROR` and `NXDOMAIN`: it works, whatever it knows. */
  codes?: readonly (DnsCode | number)[] | undefined
}

/** A TCP connection that comes about. It is reset at once, so that no state is left on either side. */
export interface TcpCheckOptions {
  check: 'tcp'
  /** 1–65535. */
  port: number
}

/** An HTTP/1.1 request that gets a response with a good status. Redirects are not followed, and bodies not read. */
export interface HttpCheckOptions {
  check: 'http'
  /** 1–65535, default 80, with `tls` 443. */
  port?: number | undefined
  /** Default `/`. */
  path?: string | undefined
  /** `Host` header, and with `tls` the name that the certificate must have. Default: the address. */
  host?: string | undefined
  /** Default GET. */
  method?: 'GET' | 'HEAD' | undefined
  /** Lowest and highest status that is good, 100–599. Default 200–399. */
  status?: readonly [lowest: number, highest: number] | undefined
  /** HTTPS. With `verify: false` any certificate will do: the question is whether it works, not who it is. */
  tls?: boolean | HttpTlsOptions | undefined
}

export interface HttpTlsOptions {
  /** Certificates of authorities in PEM, instead of Node's own. */
  ca?: string | undefined
  /** Whether the certificate is verified, default true. */
  verify?: boolean | undefined
}

/** A check that is written elsewhere. */
export interface OwnCheckOptions {
  check: HealthCheck
}

/** No check: only reports say that something is wrong. */
export interface NoCheckOptions {
  check?: undefined
}

/** What backends of a pool are asked. */
export type HealthCheckOptions =
  | UdpCheckOptions
  | StunCheckOptions
  | DnsCheckOptions
  | TcpCheckOptions
  | HttpCheckOptions
  | OwnCheckOptions
  | NoCheckOptions

/** A backend that flaps is kept out: defaults in `HEALTH_DEFAULTS`. */
export interface FlapOptions {
  /** Falls within `window` that make it a flapping one, 2–100. */
  falls?: number | undefined
  /** Milliseconds, 1 to a day. */
  window?: number | undefined
  /** How long it is kept out the first time: milliseconds, 1 to a day. Each time that follows soon twice as long as the last. */
  hold?: number | undefined
  /** Bound of that: milliseconds, `hold` to a day. */
  longest?: number | undefined
}

/** When reports (`HealthMonitor.report`) mean something: defaults in `HEALTH_DEFAULTS`. */
export interface ReportOptions {
  /** So many, 1–10,000, … */
  count?: number | undefined
  /** … within so many milliseconds, 1 to a day. */
  window?: number | undefined
}

/** How checks, reports and time become a state. All times in milliseconds; defaults in `HEALTH_DEFAULTS`. */
export interface HealthStateOptions {
  /** From the beginning of a check to that of the next, ± 10 %: 10 to an hour. */
  interval?: number | undefined
  /** How long a backend has to answer: 1 to less than `interval`. Default 500, or half of `interval` if that is less. */
  timeout?: number | undefined
  /** The interval while checks contradict the state: 1 to `interval`. Default a quarter of `interval`. */
  fastInterval?: number | undefined
  /** Checks in a row that must pass until a backend that is down is up: 1–100. */
  rise?: number | undefined
  /** Checks in a row that must fail until a backend that is up is down: 1–100. */
  fall?: number | undefined
  /**
   * What a backend is before anything is known about it. `'up'`, the default: who named it vouches for it; a restarted edge does
   * not begin by taking everybody out. `'down'`: it must pass `rise` checks first. Not without a check.
   */
  initial?: 'up' | 'down' | undefined
  /** Share of a pool's backends that stay in whatever their checks say, 0–1; one of them always does. */
  floor?: number | undefined
  /** `false`: those that flap are not kept out. Not without a check. */
  flaps?: FlapOptions | false | undefined
  reports?: ReportOptions | undefined
}

/** Health of one pool. */
export type PoolHealthOptions = HealthCheckOptions & HealthStateOptions

/** Times in milliseconds. */
export const HEALTH_DEFAULTS = {
  interval: 2000,
  timeout: 500,
  rise: 2,
  fall: 3,
  floor: 0.5,
  flaps: { falls: 4, window: 60_000, hold: 30_000, longest: 600_000 },
  reports: { count: 10, window: 1000 },
} as const
