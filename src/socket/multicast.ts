import { invalidArgValue, missingArgument, systemError } from '../errors.js'
import type { NativeSocket } from '../internal/addon.js'
import * as linux from '../internal/linux.js'
import { thread } from '../internal/thread.js'

// Structures of the kernel are in host order, which on x64 and arm64 is little-endian.

/** `struct sockaddr_storage` is 128 bytes; `struct group_source_req` is an aligned index and two of them. */
const STORAGE_BYTES = 128
const GROUP_SOURCE_REQ_BYTES = 8 + 2 * STORAGE_BYTES

/** Address text → its 4 or 16 bytes and its scope; undefined when it is no address of the family. */
function parse(v6: boolean, text: string): { bytes: Buffer; scope: number } | undefined {
  const { ipv4, ipv6 } = thread()
  const words = new Uint32Array(5)
  if (!(v6 ? ipv6 : ipv4).bytes.encode(text, words, 0, 4)) return undefined
  return { bytes: Buffer.from(words.buffer, 0, v6 ? 16 : 4), scope: words[4]! }
}

function parseArgument(v6: boolean, name: string, text: string): { bytes: Buffer; scope: number } {
  const parsed = parse(v6, text)
  if (parsed === undefined) throw invalidArgValue(name, `must be an IPv${v6 ? 6 : 4} address`, text)
  return parsed
}

/** Interface of an IPv6 option: the scope of an address such as `::%eth1`; without one the kernel chooses. */
function scopeOf(interfaceAddress: string | undefined): number {
  return interfaceAddress === undefined ? 0 : parseArgument(true, 'interfaceAddress', interfaceAddress).scope
}

/** Address of an IPv4 interface; the wildcard lets the kernel choose. */
function interfaceBytes(interfaceAddress: string | undefined): Buffer {
  return interfaceAddress === undefined
    ? Buffer.alloc(4)
    : parseArgument(false, 'interfaceAddress', interfaceAddress).bytes
}

/** IP_ADD_MEMBERSHIP and its kin (ip(7), ipv6(7)). */
export function changeMembership(
  native: NativeSocket,
  v6: boolean,
  join: boolean,
  group: string,
  interfaceAddress: string | undefined,
): void {
  if (!group) throw missingArgument('multicastAddress')
  const { bytes } = parseArgument(v6, 'multicastAddress', group)
  let status: number
  if (v6) {
    const request = Buffer.alloc(20) // struct ipv6_mreq: group, interface index
    bytes.copy(request)
    request.writeUInt32LE(scopeOf(interfaceAddress), 16)
    status = native.setBytes(linux.IPPROTO_IPV6, join ? linux.IPV6_JOIN_GROUP : linux.IPV6_LEAVE_GROUP, request)
  } else {
    const request = Buffer.concat([bytes, interfaceBytes(interfaceAddress)]) // struct ip_mreq
    status = native.setBytes(linux.IPPROTO_IP, join ? linux.IP_ADD_MEMBERSHIP : linux.IP_DROP_MEMBERSHIP, request)
  }
  if (status === 0) return
  throw systemError(-status, join ? 'addMembership' : 'dropMembership', { address: group, interface: interfaceAddress })
}

/** Source-specific membership (RFC 3678). */
export function changeSourceMembership(
  native: NativeSocket,
  v6: boolean,
  join: boolean,
  source: string,
  group: string,
  interfaceAddress: string | undefined,
): void {
  const from = parseArgument(v6, 'sourceAddress', source).bytes
  const to = parseArgument(v6, 'groupAddress', group).bytes
  let status: number
  if (v6) {
    const request = Buffer.alloc(GROUP_SOURCE_REQ_BYTES)
    request.writeUInt32LE(scopeOf(interfaceAddress), 0)
    for (const [index, address] of [to, from].entries()) {
      const storage = request.subarray(8 + index * STORAGE_BYTES)
      storage.writeUInt16LE(linux.AF_INET6, 0)
      address.copy(storage, 8) // behind family, port and flow information
    }
    const name = join ? linux.MCAST_JOIN_SOURCE_GROUP : linux.MCAST_LEAVE_SOURCE_GROUP
    status = native.setBytes(linux.IPPROTO_IPV6, name, request)
  } else {
    const request = Buffer.concat([to, interfaceBytes(interfaceAddress), from]) // struct ip_mreq_source
    const name = join ? linux.IP_ADD_SOURCE_MEMBERSHIP : linux.IP_DROP_SOURCE_MEMBERSHIP
    status = native.setBytes(linux.IPPROTO_IP, name, request)
  }
  if (status === 0) return
  const syscall = join ? 'addSourceSpecificMembership' : 'dropSourceSpecificMembership'
  throw systemError(-status, syscall, { address: group, interface: interfaceAddress })
}

/** The interface that multicast leaves through. */
export function setMulticastInterface(native: NativeSocket, v6: boolean, interfaceAddress: string): void {
  let status: number
  if (v6) {
    const { scope } = parseArgument(true, 'interfaceAddress', interfaceAddress)
    status = native.setInt(linux.IPPROTO_IPV6, linux.IPV6_MULTICAST_IF, scope)
  } else {
    const { bytes } = parseArgument(false, 'interfaceAddress', interfaceAddress)
    status = native.setBytes(linux.IPPROTO_IP, linux.IP_MULTICAST_IF, bytes)
  }
  if (status !== 0) throw systemError(-status, 'setMulticastInterface', { interface: interfaceAddress })
}
