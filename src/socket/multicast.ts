import { constants } from 'node:os'
import { missingArgument, type SystemContext, systemError } from '../errors.js'
import type { NativeSocket } from '../internal/addon.js'
import * as linux from '../internal/linux.js'
import { thread } from '../internal/thread.js'

// Structures of the kernel are in host order, which on x64 and arm64 is little-endian. As in dgram it is the group's
// family that decides on the option, not the socket's: a dual-stack socket may join groups of IPv4.

const { EINVAL } = constants.errno

/** `struct sockaddr_storage` is 128 bytes; `struct group_source_req` is an aligned index and two of them. */
const STORAGE_BYTES = 128
const GROUP_SOURCE_REQ_BYTES = 8 + 2 * STORAGE_BYTES

interface Address {
  v6: boolean
  /** 4 or 16. */
  bytes: Buffer
  /** Interface index behind a `%`, else 0. */
  scope: number
}

/** @throws SystemError EINVAL when the text is no address, as dgram does */
function parse(text: string, syscall: string, context: SystemContext): Address {
  const { ipv4, ipv6 } = thread()
  const words = new Uint32Array(5)
  if (typeof text !== 'string') throw systemError(EINVAL, syscall, context)
  if (ipv4.bytes.encode(text, words, 0, 4)) return { v6: false, bytes: Buffer.from(words.buffer, 0, 4), scope: 0 }
  if (ipv6.bytes.encode(text, words, 0, 4)) {
    return { v6: true, bytes: Buffer.from(words.buffer, 0, 16), scope: words[4]! }
  }
  throw systemError(EINVAL, syscall, context)
}

/** The interface of a membership: an IPv4 address, or for IPv6 the scope of an address such as `::%eth1`. */
function parseInterface(v6: boolean, text: string | null | undefined, syscall: string): Address {
  if (text === undefined || text === null) return { v6, bytes: Buffer.alloc(v6 ? 16 : 4), scope: 0 } // the kernel chooses
  const address = parse(text, syscall, { value: text })
  if (address.v6 !== v6) throw systemError(EINVAL, syscall, { value: text })
  return address
}

/** IP_ADD_MEMBERSHIP and its kin (ip(7), ipv6(7)). */
export function changeMembership(
  native: NativeSocket,
  join: boolean,
  group: string,
  interfaceAddress: string | undefined,
): void {
  if (!group) throw missingArgument('multicastAddress')
  const syscall = join ? 'addMembership' : 'dropMembership'
  const { v6, bytes } = parse(group, syscall, { address: group })
  const via = parseInterface(v6, interfaceAddress, syscall)
  let status: number
  if (v6) {
    const request = Buffer.alloc(20) // struct ipv6_mreq: group, interface index
    bytes.copy(request)
    request.writeUInt32LE(via.scope, 16)
    status = native.setBytes(linux.IPPROTO_IPV6, join ? linux.IPV6_JOIN_GROUP : linux.IPV6_LEAVE_GROUP, request)
  } else {
    const request = Buffer.concat([bytes, via.bytes]) // struct ip_mreq
    status = native.setBytes(linux.IPPROTO_IP, join ? linux.IP_ADD_MEMBERSHIP : linux.IP_DROP_MEMBERSHIP, request)
  }
  if (status !== 0) throw systemError(-status, syscall, { address: group, interface: interfaceAddress })
}

/** Source-specific membership (RFC 3678). */
export function changeSourceMembership(
  native: NativeSocket,
  join: boolean,
  source: string,
  group: string,
  interfaceAddress: string | undefined,
): void {
  const syscall = join ? 'addSourceSpecificMembership' : 'dropSourceSpecificMembership'
  const from = parse(source, syscall, { value: source })
  const to = parse(group, syscall, { address: group })
  if (from.v6 !== to.v6) throw systemError(EINVAL, syscall, { value: source })
  const via = parseInterface(to.v6, interfaceAddress, syscall)
  let status: number
  if (to.v6) {
    const request = Buffer.alloc(GROUP_SOURCE_REQ_BYTES)
    request.writeUInt32LE(via.scope, 0)
    for (const [index, address] of [to, from].entries()) {
      const storage = request.subarray(8 + index * STORAGE_BYTES)
      storage.writeUInt16LE(linux.AF_INET6, 0)
      address.bytes.copy(storage, 8) // behind family, port and flow information
    }
    const name = join ? linux.MCAST_JOIN_SOURCE_GROUP : linux.MCAST_LEAVE_SOURCE_GROUP
    status = native.setBytes(linux.IPPROTO_IPV6, name, request)
  } else {
    const request = Buffer.concat([to.bytes, via.bytes, from.bytes]) // struct ip_mreq_source
    const name = join ? linux.IP_ADD_SOURCE_MEMBERSHIP : linux.IP_DROP_SOURCE_MEMBERSHIP
    status = native.setBytes(linux.IPPROTO_IP, name, request)
  }
  if (status !== 0) throw systemError(-status, syscall, { address: group, interface: interfaceAddress })
}

/** The interface that multicast leaves through; on a dual-stack socket there is one for each family. */
export function setMulticastInterface(native: NativeSocket, interfaceAddress: string): void {
  const { v6, bytes, scope } = parse(interfaceAddress, 'setMulticastInterface', { value: interfaceAddress })
  const status = v6
    ? native.setInt(linux.IPPROTO_IPV6, linux.IPV6_MULTICAST_IF, scope)
    : native.setBytes(linux.IPPROTO_IP, linux.IP_MULTICAST_IF, bytes)
  if (status !== 0) throw systemError(-status, 'setMulticastInterface', { interface: interfaceAddress })
}
