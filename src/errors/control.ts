import { UdpDsrError } from './base.js'

/** Codes of `ControlError`. */
export const CONTROL_CODES = [
  'ERR_CONTROL_AWAY',
  'ERR_CONTROL_BUSY',
  'ERR_CONTROL_REFUSED',
  'ERR_METRICS_LISTEN',
] as const

/** A running edge that is not there, is there already, or will not do what it is asked; or whose metrics cannot be served. */
export class ControlError extends UdpDsrError {
  readonly code: (typeof CONTROL_CODES)[number]
  /** Code of the error that it answered with. */
  readonly reason: string | undefined
  constructor(code: (typeof CONTROL_CODES)[number], message: string, reason?: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.reason = reason
  }
}

export function controlAway(path: string): ControlError {
  const message = `No edge runs here (nobody answers at ${path}). Start one with udp-dsr edge up`
  return new ControlError('ERR_CONTROL_AWAY', message)
}

export function controlBusy(path: string): ControlError {
  const message = `An edge runs already, and answers at ${path}. Stop it first: udp-dsr edge down`
  return new ControlError('ERR_CONTROL_BUSY', message)
}

/** @param why what the system said, or the edge */
export function controlRefused(path: string, why: string, cause?: unknown, reason?: string): ControlError {
  const hint = why === 'EACCES' ? ': it is for root alone' : ''
  return new ControlError('ERR_CONTROL_REFUSED', `The edge at ${path} says: ${why}${hint}`, reason, { cause })
}

export function metricsFailed(address: string, port: number, cause: unknown): ControlError {
  const { code = String(cause) } = cause as NodeJS.ErrnoException
  const message = `Metrics cannot be served at ${address} port ${port}: ${code}. Give [edge] metrics another address or port`
  return new ControlError('ERR_METRICS_LISTEN', message, undefined, { cause })
}
