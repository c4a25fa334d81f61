import { UdpDsrError } from './base.js'

/** Codes of `HealthError`. */
export const HEALTH_CODES = ['ERR_HEALTH_CLOSED'] as const

/** A health monitor that cannot do what was asked of it. */
export class HealthError extends UdpDsrError {
  readonly code: (typeof HEALTH_CODES)[number]
  constructor(code: (typeof HEALTH_CODES)[number], message: string) {
    super(message)
    this.code = code
  }
}

export function healthClosed(): HealthError {
  return new HealthError(
    'ERR_HEALTH_CLOSED',
    'The health monitor is closed, and follows nobody any more. Make another one',
  )
}
