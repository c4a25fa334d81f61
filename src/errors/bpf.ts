import { getSystemErrorName } from 'node:util'
import { UdpDsrError } from './base.js'

/** Codes of `BpfError`. */
export const BPF_CODES = [
  'ERR_BPF_PERMISSION',
  'ERR_BPF_BUSY',
  'ERR_BPF_INTERFACE',
  'ERR_BPF_NO_NATIVE_XDP',
  'ERR_BPF_VERIFIER',
  'ERR_BPF_MAP_FULL',
  'ERR_BPF_INCOMPATIBLE',
  'ERR_BPF_FILESYSTEM',
  'ERR_BPF_LOCKED',
  'ERR_BPF_SYSTEM',
] as const

export interface BpfErrorDetails {
  /** errno(3) of the failed call: `EPERM`. */
  errno?: string | undefined
  /** What the verifier said, whole. */
  log?: string | undefined
}

/** The kernel did not load, attach or change a BPF program or one of its maps. */
export class BpfError extends UdpDsrError {
  readonly code: (typeof BPF_CODES)[number]
  /** errno(3) of the call that failed: `EPERM`; absent when none did. */
  declare readonly errno?: string
  /** With ERR_BPF_VERIFIER all that the verifier said; the message has the lines that decide. */
  declare readonly log?: string
  constructor(code: (typeof BPF_CODES)[number], message: string, { errno, log }: BpfErrorDetails = {}) {
    super(message)
    this.code = code
    if (errno !== undefined) this.errno = errno
    if (log !== undefined) this.log = log
  }
}

/** What needs the privilege, and how a service gets it. */
const PRIVILEGES = 'root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (systemd: AmbientCapabilities=)'

/** @param what was to be done: `load the program edge` */
export function bpfDenied(what: string, errno = 'EPERM'): BpfError {
  return new BpfError('ERR_BPF_PERMISSION', `May not ${what}: it needs ${PRIVILEGES}`, { errno })
}

/**
 * Any failure of bpf(2) without an explanation of its own.
 *
 * @param errno positive
 */
export function bpfFailed(errno: number, what: string): BpfError {
  const name = getSystemErrorName(-errno)
  if (name === 'EPERM' || name === 'EACCES') return bpfDenied(what, name)
  return new BpfError('ERR_BPF_SYSTEM', `Could not ${what}: ${name}`, { errno: name })
}

/** @param holder who holds the hook, as far as that is known: `the program x (id 7)` */
export function hookBusy(hook: string, name: string, holder: string, remedy: string): BpfError {
  const message = `${hook} of ${name} is held by ${holder}. ${remedy}`
  return new BpfError('ERR_BPF_BUSY', message, { errno: 'EBUSY' })
}

/** @param interfaceName or index */
export function noInterface(interfaceName: string | number): BpfError {
  const message = `There is no interface ${interfaceName} in this network namespace; \`ip link\` lists those that there are`
  return new BpfError('ERR_BPF_INTERFACE', message, { errno: 'ENODEV' })
}

export function noControlGroup(path: string): BpfError {
  const message =
    `${path} is no directory of cgroup v2, which alone takes programs; \`stat -f -c %T ${path}\` says cgroup2fs for one. ` +
    'Where the system has v1 in /sys/fs/cgroup, v2 is often in /sys/fs/cgroup/unified'
  return new BpfError('ERR_BPF_SYSTEM', message, { errno: 'EBADF' })
}

export function noNativeXdp(name: string, errno: string): BpfError {
  const message =
    `The driver of ${name} runs no XDP programs itself (${errno}), or not with this MTU or these settings. ` +
    "Take mode: 'generic', which is slower, or 'auto'"
  return new BpfError('ERR_BPF_NO_NATIVE_XDP', message, { errno })
}

/** Lines of a log that say why: the last that are no statistics. */
const DECISIVE_LINES = 4

export function verifierRefused(program: string, errno: number, log: string): BpfError {
  const lines = log
    .split('\n')
    .filter((line) => line !== '' && !/^(processed|verification time|stack depth)/.test(line))
  const summary = lines.slice(-DECISIVE_LINES).join(' | ')
  const name = getSystemErrorName(-errno)
  const message = `The kernel's verifier refused the program ${program} (${name}): ${summary || 'it says no more'}`
  return new BpfError('ERR_BPF_VERIFIER', message, { errno: name, log })
}

export function mapFull(map: string, entries: number, remedy: string): BpfError {
  return new BpfError('ERR_BPF_MAP_FULL', `The map ${map} has all of its ${entries} entries in use. ${remedy}`, {
    errno: 'E2BIG',
  })
}

/** @param difference how what is pinned differs from what is wanted */
export function otherMap(path: string, difference: string): BpfError {
  const message = `${path} ${difference}: it was made by another version or with other limits. Detach what uses it, then try again`
  return new BpfError('ERR_BPF_INCOMPATIBLE', message)
}

/** @param difference how what is pinned differs from what is wanted */
export function otherPins(path: string, difference: string): BpfError {
  const message = `What is pinned below ${path} ${difference}. Detach it first, or give this one a path of its own`
  return new BpfError('ERR_BPF_INCOMPATIBLE', message)
}

/** @param mount where there should be a BPF filesystem */
export function pinsNeedFilesystem(path: string, mount: string): BpfError {
  const message =
    `Pins below ${path} need a BPF filesystem, and ${mount} is none. ` +
    `Mount one as root: \`mount -t bpf bpf ${mount}\`, or name a directory of one`
  return new BpfError('ERR_BPF_FILESYSTEM', message)
}

/** @param existing directory that this process may not write to */
export function pinsDenied(path: string, existing: string): BpfError {
  const message =
    `Pins below ${path} cannot be made: this process may not write to ${existing}. ` +
    `Give its user the directory, as root: \`mkdir -p ${path} && chown USER ${path}\`, and let it search those above it`
  return new BpfError('ERR_BPF_FILESYSTEM', message, { errno: 'EACCES' })
}

export function pinsLocked(path: string): BpfError {
  const message =
    `Another instance uses the pins below ${path}; \`fuser -v ${path}\` shows its process. ` +
    'End it first, or give this one a path of its own'
  return new BpfError('ERR_BPF_LOCKED', message, { errno: 'EWOULDBLOCK' })
}
