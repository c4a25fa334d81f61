import { constants } from 'node:os'
import { systemError, unsupportedKernel } from '../errors.js'
import type { NativeSocket } from '../internal/addon.js'
import * as linux from '../internal/linux.js'
import { checkFilesystem } from './pin-flows/filesystem.js'
import { readPinFlows } from './pin-flows/options.js'
import { checkProgram, PIN_FLOWS_SINCE } from './pin-flows/program-loader.js'
import type { SocketOptions } from './types.js'

/** Options that map to a socket option of the kernel which not every kernel has, or not for everyone. */
export type KernelOptionName =
  | 'reusePort'
  | 'pinFlows'
  | 'freebind'
  | 'transparent'
  | 'bindToDevice'
  | 'localPortRange'
  | 'bindAddressNoPort'
  | 'receiveErrors'
  | 'gro'
  | 'gso'

interface KernelOption {
  readonly name: KernelOptionName
  /** First Linux version that has it, for IPv4 and IPv6. */
  readonly since: string
  /** Sets it before bind; returns 0 or −errno, or throws what says more. `v6` is the socket's family. */
  set(native: NativeSocket, v6: boolean, options: SocketOptions): number
  /** A harmless value with which to find out whether the kernel takes the option. */
  readonly probe: Partial<SocketOptions>
}

const { ENOPROTOOPT, EOPNOTSUPP, EINVAL } = constants.errno

/** Errors by which a kernel says that it does not know an option. */
const UNKNOWN_OPTION = new Set([-ENOPROTOOPT, -EOPNOTSUPP, -EINVAL])

/** Sets an option for IPv4, and for IPv6 too on a socket of that family; the first failure counts. */
function setBoth(native: NativeSocket, v6: boolean, ipv4: number, ipv6: number, value = 1): number {
  const status = native.setInt(linux.IPPROTO_IP, ipv4, value)
  return status !== 0 || !v6 ? status : native.setInt(linux.IPPROTO_IPV6, ipv6, value)
}

/** In the order in which they are set. */
export const KERNEL_OPTIONS: readonly KernelOption[] = [
  {
    name: 'reusePort',
    since: '3.9',
    set: (native) => native.setInt(linux.SOL_SOCKET, linux.SO_REUSEPORT, 1),
    probe: { reusePort: true },
  },
  {
    name: 'pinFlows',
    since: PIN_FLOWS_SINCE,
    // The group is entered with bind; here it is seen that it could be.
    set: (_native, _v6, options) => {
      const settings = readPinFlows(options)
      checkProgram()
      if (settings !== undefined) checkFilesystem(settings.path)
      return 0
    },
    probe: { reusePort: true, pinFlows: true },
  },
  {
    name: 'freebind',
    since: '4.15',
    set: (native, v6) => setBoth(native, v6, linux.IP_FREEBIND, linux.IPV6_FREEBIND),
    probe: { freebind: true },
  },
  {
    name: 'transparent',
    since: '2.6.37',
    set: (native, v6) =>
      setBoth(native, v6, linux.IP_TRANSPARENT, linux.IPV6_TRANSPARENT) ||
      setBoth(native, v6, linux.IP_RECVORIGDSTADDR, linux.IPV6_RECVORIGDSTADDR),
    probe: { transparent: true },
  },
  {
    name: 'bindToDevice',
    since: '2.0',
    set: (native, _v6, { bindToDevice = '' }) =>
      native.setBytes(linux.SOL_SOCKET, linux.SO_BINDTODEVICE, Buffer.from(`${bindToDevice}\0`)),
    probe: { bindToDevice: 'lo' },
  },
  {
    name: 'localPortRange',
    since: '6.3',
    set: (native, _v6, { localPortRange: [low, high] = [0, 0] }) =>
      native.setInt(linux.IPPROTO_IP, linux.IP_LOCAL_PORT_RANGE, low | (high << 16)),
    probe: { localPortRange: [40000, 40999] },
  },
  {
    name: 'bindAddressNoPort',
    since: '4.2',
    set: (native) => native.setInt(linux.IPPROTO_IP, linux.IP_BIND_ADDRESS_NO_PORT, 1),
    probe: { bindAddressNoPort: true },
  },
  {
    name: 'receiveErrors',
    since: '2.2',
    set: (native, v6) => {
      native.queueErrors(true)
      return setBoth(native, v6, linux.IP_RECVERR, linux.IPV6_RECVERR)
    },
    probe: { receiveErrors: true },
  },
  {
    name: 'gro',
    since: '5.0',
    set: (native) => native.setInt(linux.IPPROTO_UDP, linux.UDP_GRO, 1),
    probe: { gro: true },
  },
  {
    name: 'gso',
    since: '4.18',
    // Merging is asked for per send; the socket option only shows whether the kernel knows it.
    set: (native) => {
      const segment = native.getInt(linux.IPPROTO_UDP, linux.UDP_SEGMENT)
      if (segment >= 0) native.mergeSends(true)
      return Math.min(segment, 0)
    },
    probe: { gso: true },
  },
]

/**
 * Sets what must be known when a socket is bound. A socket that was bound by somebody else is as he made it.
 *
 * @throws SystemError
 */
export function applyBeforeBind(native: NativeSocket, v6: boolean, options: SocketOptions): void {
  if (options.reuseAddr) must(native.setInt(linux.SOL_SOCKET, linux.SO_REUSEADDR, 1), 'reuseAddr')
  // libuv makes every IPv6 socket dual-stack unless told otherwise, whatever net.ipv6.bindv6only says.
  if (v6) must(native.setInt(linux.IPPROTO_IPV6, linux.IPV6_V6ONLY, options.ipv6Only ? 1 : 0), 'ipv6Only')
}

/**
 * Sets what the options ask for, and what every socket of this library needs.
 *
 * @throws UnsupportedKernelError, SystemError (EPERM, ENODEV), FlowGroupError
 */
export function applyOptions(native: NativeSocket, v6: boolean, options: SocketOptions): void {
  for (const option of KERNEL_OPTIONS) {
    const value = options[option.name]
    if (value === undefined || value === false) continue
    const status = option.set(native, v6, options)
    if (status === 0) continue
    const cause = systemError(-status, 'setsockopt', { option: option.name, value, ...interfaceOf(options) })
    throw UNKNOWN_OPTION.has(status) ? unsupportedKernel(option.name, option.since, cause) : cause
  }
  // Both kinds on IPv6 sockets: a dual-stack socket gets IPv4 groups in IP_PKTINFO only.
  must(setBoth(native, v6, linux.IP_PKTINFO, linux.IPV6_RECVPKTINFO), 'pktinfo')
  must(setBoth(native, v6, linux.IP_RECVTOS, linux.IPV6_RECVTCLASS), 'tos')
  // SO_MEMINFO tells the drops at any time and costs nothing; SO_RXQ_OVFL puts every datagram on a slower path in the
  // kernel (__sock_recv_cmsgs), so it is for kernels before 4.12 only.
  if (kernelDrops(native) === undefined) native.setInt(linux.SOL_SOCKET, linux.SO_RXQ_OVFL, 1)
}

/**
 * What must wait until the socket is bound: with IPV6_FREEBIND set earlier, bind would take addresses that are not
 * this host's. Without it, an IPv6 VIP that has only a `local` route could not be answered from.
 */
export function applyAfterBind(native: NativeSocket, v6: boolean): void {
  if (v6) native.setInt(linux.IPPROTO_IPV6, linux.IPV6_FREEBIND, 1)
}

/** Datagrams dropped because the receive buffer was full, by SO_MEMINFO; undefined where that is missing. */
export function kernelDrops(native: NativeSocket): number | undefined {
  const info = new Uint32Array(linux.SK_MEMINFO_DROPS + 1)
  const length = native.getBytes(linux.SOL_SOCKET, linux.SO_MEMINFO, new Uint8Array(info.buffer))
  return length === info.byteLength ? info[linux.SK_MEMINFO_DROPS] : undefined
}

function must(status: number, option: string): void {
  if (status !== 0) throw systemError(-status, 'setsockopt', { option })
}

function interfaceOf(options: SocketOptions): { interface?: string } {
  return options.bindToDevice === undefined ? {} : { interface: options.bindToDevice }
}
