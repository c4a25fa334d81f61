import { UdpDsrError } from './base.js'

/** Codes of `ForwarderError`. */
export const FORWARDER_CODES = ['ERR_FORWARDER_DETACHED', 'ERR_FORWARDER_NO_EVENTS'] as const

/** An edge, a backend or a source rewrite that cannot do what was asked of it. */
export class ForwarderError extends UdpDsrError {
  readonly code: (typeof FORWARDER_CODES)[number]
  constructor(code: (typeof FORWARDER_CODES)[number], message: string) {
    super(message)
    this.code = code
  }
}

/** @param name of the interface */
export function forwarderDetached(name: string): ForwarderError {
  const message = `It was detached from ${name}, and can do nothing more. Attach another one`
  return new ForwarderError('ERR_FORWARDER_DETACHED', message)
}

export function forwarderNoEvents(): ForwarderError {
  const message = 'It was attached without events. Give Forwarder.attach the option events: {}'
  return new ForwarderError('ERR_FORWARDER_NO_EVENTS', message)
}
