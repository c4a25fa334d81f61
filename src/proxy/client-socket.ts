import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ProxyHeader } from './types.js'

/** The other end of a TCP connection. */
export interface ProxyPeer {
  /** As Node prints it: an IPv4 peer of a server that listens on `::` is `::ffff:a.b.c.d`. */
  address: string
  /** 0–65535. */
  port: number
  family: 'IPv4' | 'IPv6'
}

/**
 * A connection of a wrapped server. `remoteAddress`, `remotePort` and `remoteFamily` are the client's; of a client on a
 * UNIX socket they are undefined. `localAddress`, `localPort` and `bytesRead` are those of the connection itself.
 */
export type ProxiedSocket<T extends Socket = Socket> = T & {
  /** The header that the connection began with; undefined when it had none, which takes `required: false`. */
  readonly proxy?: ProxyHeader
  /** Who sent the header: the other end of the connection itself. Undefined when there was none. */
  readonly via?: ProxyPeer
}

type Facts = Partial<Record<'proxy' | 'via' | 'remoteAddress' | 'remotePort' | 'remoteFamily', unknown>>

/** What was made known of a socket. */
const known = new WeakMap<Socket, Facts>()

/** Makes a socket tell of the client that its header names. LOCAL and UNSPEC name none: the peer remains. */
export function presentClient(socket: Socket, header: ProxyHeader): void {
  const { remoteAddress: address, remotePort: port, remoteFamily: family } = socket
  present(socket, { proxy: header, via: { address, port, family }, ...client(header) })
}

function client(header: ProxyHeader): Facts {
  switch (header.family) {
    case 'IPv4':
    case 'IPv6': {
      const { address, port } = header.source
      return { remoteAddress: address, remotePort: port, remoteFamily: header.family }
    }
    case 'UNIX':
      return { remoteAddress: undefined, remotePort: undefined, remoteFamily: undefined }
    case 'UNSPEC':
      return {}
  }
}

/**
 * Makes the TLS connection inside a proxied one tell of the same client: by itself it asks the kernel for its peer.
 *
 * Node has no public way from a TLSSocket to the socket below it; `_parent` has been there since TLSSocket has
 * (lib/_tls_wrap.js).
 */
export function presentSameClient(value: unknown): void {
  if (!(value instanceof TLSSocket) || known.has(value)) return
  const facts = known.get((value as TLSSocket & { _parent?: Socket })._parent as Socket)
  if (facts !== undefined) present(value, facts)
}

function present(socket: Socket, facts: Facts): void {
  for (const [name, value] of Object.entries(facts)) {
    Object.defineProperty(socket, name, { value, configurable: true, enumerable: true })
  }
  known.set(socket, facts)
}
