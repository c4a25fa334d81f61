import { UdpDsrError } from './base.js'
import { localRoute, plainAddress } from './remedy.js'

/** A datagram was to leave from an address that does not belong to this host. */
export class SourceNotLocalError extends UdpDsrError {
  readonly code = 'ERR_SOURCE_NOT_LOCAL'
  /** The source that was asked for. */
  readonly address: string
  constructor(address: string, options?: ErrorOptions) {
    // IPv6 takes either option; IPv4 looks at IP_TRANSPARENT alone when it sends (FLOWI_FLAG_ANYSRC, net/ipv4/route.c).
    const option = plainAddress(address).includes(':')
      ? 'open the socket with freebind: true or transparent: true'
      : 'open the socket with transparent: true (needs CAP_NET_ADMIN; freebind is for bind only on IPv4)'
    super(
      `${address} is not local to this host, so the kernel lets no datagram leave from it. ` +
        `Make it local: \`${localRoute(address)}\`. Or ${option}`,
      options,
    )
    this.address = address
  }
}

/** @param cause the failure of the system call */
export function sourceNotLocal(address: string, cause?: Error): SourceNotLocalError {
  return new SourceNotLocalError(address, cause && { cause })
}
