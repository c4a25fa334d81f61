/**
 * The dialects: HAProxy's version 1 (text) and version 2 (binary), and Cloudflare's Simple Proxy Protocol for UDP.
 */
export type ProxyVersion = 'v1' | 'v2' | 'spp'

/** One end of the proxied flow. */
export interface ProxyEndpoint {
  /** IPv4 or IPv6 text as `inet_ntop(3)` prints it, without a scope. */
  address: string
  /** 0–65535. */
  port: number
}

/** A type-length-value of a version 2 header, as it stands there. */
export interface ProxyTlv {
  /** 0–255; the names are in `ProxyTlvType`. */
  type: number
  /** 0–65535 bytes, less what the rest of the header takes. */
  value: Uint8Array
}

/** The client's flow over IPv4 or IPv6. SPP writes both as IPv6; v4-mapped addresses are told as IPv4. */
export interface ProxyInetHeader {
  version: ProxyVersion
  command: 'PROXY'
  family: 'IPv4' | 'IPv6'
  /** `'STREAM'` for TCP, `'DGRAM'` for UDP. Version 1 knows the first only, SPP the second. */
  transport: 'STREAM' | 'DGRAM'
  /** The client. */
  source: ProxyEndpoint
  /** What the client spoke to. */
  destination: ProxyEndpoint
  /** In the order of the header, unknown ones too; empty but in version 2. */
  tlvs: readonly ProxyTlv[]
}

/** The client's flow over a UNIX socket; version 2 only. */
export interface ProxyUnixHeader {
  version: 'v2'
  command: 'PROXY'
  family: 'UNIX'
  transport: 'STREAM' | 'DGRAM'
  /** Path as the kernel has it, 0–108 bytes less zeros at the end; an abstract name begins with a zero. */
  source: { path: Uint8Array }
  destination: { path: Uint8Array }
  tlvs: readonly ProxyTlv[]
}

/** A flow whose ends the proxy does not know or does not tell: version 1 `UNKNOWN`, version 2 `UNSPEC`. */
export interface ProxyUnspecHeader {
  version: 'v1' | 'v2'
  command: 'PROXY'
  family: 'UNSPEC'
  transport: 'UNSPEC'
  /** What follows in the header has no meaning and is skipped. */
  tlvs: readonly []
}

/** The proxy speaks for itself (a health check): its own address is the client's. Version 2 only. */
export interface ProxyLocalHeader {
  version: 'v2'
  command: 'LOCAL'
  family: 'UNSPEC'
  transport: 'UNSPEC'
  /** What follows in the header has no meaning and is skipped. */
  tlvs: readonly []
}

export type ProxyHeader = ProxyInetHeader | ProxyUnixHeader | ProxyUnspecHeader | ProxyLocalHeader

/** What a reader accepts. */
export interface DecodeOptions {
  /** Default: all that can be told apart, `['v1', 'v2', 'spp']`. */
  versions?: readonly ProxyVersion[]
  /** Whether a CRC32C TLV must be right, default true. */
  verifyChecksum?: boolean
}

/** A header and where it ends. */
export interface Decoded {
  header: ProxyHeader
  /** Bytes that the header takes; what follows is payload. */
  length: number
  /** A view of what follows the header. */
  payload: Buffer
}
