import { ProxyProtocolError } from '../errors.js'

/**
 * A connection that came from nobody whose header would be believed.
 *
 * @param address of the peer; undefined on a UNIX socket
 */
export function untrustedPeer(address: string | undefined): ProxyProtocolError {
  const message =
    address === undefined
      ? 'The peer is on a UNIX socket, so it has no address that could be trusted, and its connection was closed unread. ' +
        'Let the proxy connect over TCP'
      : `${address} is none of the trusted proxies, so its connection was closed unread. Add it to the option trusted if ` +
        'it is a proxy of yours; required: false also serves peers that are none'
  return new ProxyProtocolError('ERR_PROXY_UNTRUSTED', message)
}

/** A connection on which no whole header came in time. @param timeout in milliseconds @param taken bytes that came */
export function headerTimeout(timeout: number, taken: number): ProxyProtocolError {
  const message =
    `No whole PROXY header came within ${timeout} ms, only ${taken} bytes of one. Turn the protocol on at the sender; ` +
    'the option timeout allows more time'
  return new ProxyProtocolError('ERR_PROXY_TIMEOUT', message)
}

/** A parser was used again. */
export function parserFinished(): ProxyProtocolError {
  const message =
    'The parser has returned its header already. What follows is in the stream itself; another stream needs a new parser'
  return new ProxyProtocolError('ERR_PROXY_FINISHED', message)
}
