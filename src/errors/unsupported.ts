import { release } from 'node:os'
import { UdpDsrError } from './base.js'

/** Machines that the package carries a binary for (`process.arch`). */
const ARCHITECTURES = ['x64', 'arm64']

/** Sockets and BPF exist on Linux only, where the package has a native addon for the machine. */
export class UnsupportedPlatformError extends UdpDsrError {
  readonly code = 'ERR_UNSUPPORTED_PLATFORM'
  /** `process.platform` and `process.arch`. */
  readonly platform: string
  readonly arch: string
  constructor(platform: string, arch: string, options?: ErrorOptions) {
    const supported = platform === 'linux' && ARCHITECTURES.includes(arch)
    super(
      supported
        ? `the native addon of udp-dsr did not load on ${platform} ${arch}${because(options?.cause)}. ` +
            'Install the package again, or build it from a checkout with `npm run setup`'
        : `udp-dsr sockets need Linux on x64 or arm64; this is ${platform} on ${arch}. ` +
            'Run the server on Linux (a container or a virtual machine will do); what opens no socket works here too',
      options,
    )
    this.platform = platform
    this.arch = arch
  }
}

function because(cause: unknown): string {
  return cause instanceof Error ? `: ${cause.message}` : ''
}

/** An option that the running kernel does not have. */
export class UnsupportedKernelError extends UdpDsrError {
  readonly code = 'ERR_UNSUPPORTED_KERNEL'
  /** The option's name. */
  readonly option: string
  /** First Linux version that has it: `6.3`. */
  readonly since: string
  /** The running kernel's release: `6.1.0-13-amd64`. */
  readonly running: string
  constructor(option: string, since: string, running: string, options?: ErrorOptions) {
    super(
      `The option "${option}" needs Linux ${since}; this kernel is ${running}. ` +
        'Leave the option out or run a newer kernel; capabilities() says beforehand what there is',
      options,
    )
    this.option = option
    this.since = since
    this.running = running
  }
}

/** This version of Node lacks an inner part that a feature stands on. */
export class UnsupportedNodeError extends UdpDsrError {
  readonly code = 'ERR_UNSUPPORTED_NODE'
  /** The running version: `v20.19.0`. */
  readonly running: string
  constructor(missing: string, running: string) {
    super(
      `This version of Node, ${running}, has no ${missing}, on which udp-dsr stands here. ` +
        'Look for a newer udp-dsr, or run a version of Node that its README names',
    )
    this.running = running
  }
}

/** @param missing the part: `_handle.open of net.Socket` */
export function unsupportedNode(missing: string, running: string = process.version): UnsupportedNodeError {
  return new UnsupportedNodeError(missing, running)
}

/** @param cause why the addon did not load */
export function unsupportedPlatform(
  cause?: unknown,
  platform: string = process.platform,
  arch: string = process.arch,
): UnsupportedPlatformError {
  return new UnsupportedPlatformError(platform, arch, cause === undefined ? undefined : { cause })
}

/**
 * @param since first Linux version that has the option
 * @param cause the failure of the system call
 */
export function unsupportedKernel(
  option: string,
  since: string,
  cause?: Error,
  running: string = release(),
): UnsupportedKernelError {
  return new UnsupportedKernelError(option, since, running, cause && { cause })
}
