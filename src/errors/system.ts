import type { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { UdpDsrError } from './base.js'
import { explain, type SystemContext } from './explain.js'

export type { SystemContext } from './explain.js'

/** A name of errno(3), as Node spells it in `err.code`. */
export type SystemErrorCode = keyof typeof constants.errno

/**
 * The kernel refused a call. Has the shape of Node's own system errors (`code`, `errno`, `syscall`, `address`, `port`,
 * and a message that starts as Node's does: `bind EADDRINUSE 127.0.0.1:53`), then says why and what helps.
 */
export class SystemError extends UdpDsrError {
  /** Negative, as in Node: −98 for EADDRINUSE. */
  readonly errno: number
  readonly code: SystemErrorCode
  /** What was called: `bind`, `send`, `setTTL`. */
  readonly syscall: string
  /** The address bound or sent to. */
  declare readonly address?: string
  /** The port bound or sent to, 1–65535; absent for 0, as in Node. */
  declare readonly port?: number

  /** @internal */
  constructor(errno: number, syscall: string, context: SystemContext) {
    const { address, port } = context
    const code = getSystemErrorName(-errno) as SystemErrorCode
    const where = address === undefined ? '' : ` ${address}${port ? `:${port}` : ''}`
    const why = explain(code, syscall, context)
    super(`${syscall} ${code}${where}${why === undefined ? '' : `: ${why}`}`)
    this.errno = -errno
    this.code = code
    this.syscall = syscall
    if (address !== undefined) this.address = address
    if (port) this.port = port
  }
}

/**
 * @param errno as the kernel gave it, positive
 * @param syscall what was called, as Node names it: `bind`, `send`, `connect`, `addMembership`
 * @param context what it was called with: whatever is known makes the message better
 */
export function systemError(errno: number, syscall: string, context: SystemContext = {}): SystemError {
  return new SystemError(errno, syscall, context)
}
