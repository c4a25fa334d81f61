import { release } from 'node:os'
import { systemError } from '../errors.js'
import { thread } from '../internal/thread.js'
import { KERNEL_OPTIONS, type KernelOptionName } from './kernel-options.js'
import type { SocketOptions } from './types.js'

/** Whether an option works here, for this process. */
export interface Capability {
  available: boolean
  /** First Linux version that has it. */
  since: string
  /** Why it is not available. */
  reason?: string
}

/** What this host offers to sockets. */
export interface Capabilities {
  /** False where no socket can be opened at all; then `reason` says why. */
  sockets: boolean
  reason?: string
  /** `process.platform` and `process.arch`. */
  platform: string
  arch: string
  /** The kernel's release. */
  kernel: string
  options: Record<KernelOptionName, Capability>
}

/**
 * Finds out, by trying each on a socket of its own, which options the running kernel takes from this process. Never
 * throws: on other systems everything is unavailable, with the reason.
 */
export function capabilities(): Capabilities {
  const found: Capabilities = {
    sockets: true,
    platform: process.platform,
    arch: process.arch,
    kernel: release(),
    options: {} as Record<KernelOptionName, Capability>,
  }
  let probe: (set: (typeof KERNEL_OPTIONS)[number]['set'], options: SocketOptions) => number
  try {
    const { addon } = thread()
    probe = (set, options) => {
      const native = new addon.UdpSocket()
      const status = native.open(4)
      if (status !== 0) return status
      try {
        return set(native, false, options)
      } finally {
        native.close()
      }
    }
  } catch (error) {
    found.sockets = false
    found.reason = (error as Error).message
  }
  for (const { name, since, set, probe: options } of KERNEL_OPTIONS) {
    if (!found.sockets) {
      found.options[name] = { available: false, since, reason: 'no sockets on this platform' }
      continue
    }
    const failure = attempt(name, () => probe!(set, { type: 'udp4', ...options }))
    found.options[name] =
      failure === undefined ? { available: true, since } : { available: false, since, reason: failure.message }
  }
  return found
}

/** Why an option cannot be set, or undefined. */
function attempt(option: KernelOptionName, set: () => number): Error | undefined {
  try {
    const status = set()
    return status === 0 ? undefined : systemError(-status, 'setsockopt', { option })
  } catch (error) {
    return error as Error
  }
}
