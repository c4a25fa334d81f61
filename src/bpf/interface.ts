import { constants } from 'node:os'
import { bpfFailed, noInterface } from '../errors.js'
import { thread } from '../internal/thread.js'

const { ENODEV } = constants.errno

/** ARPHRD_ETHER of linux/if_arp.h. */
const ETHERNET = 1

/** An interface of this network namespace. */
export interface NetworkInterface {
  name: string
  ifindex: number
  /** Bytes of IP packet. */
  mtu: number
  /** Ethernet address; undefined where frames have none. */
  mac: Uint8Array | undefined
  /** Whether frames begin with an Ethernet header; on others (TUN, WireGuard) they begin with IP. */
  ethernet: boolean
}

/** @throws BpfError ERR_BPF_INTERFACE when there is none of this name */
export function interfaceByName(name: string): NetworkInterface {
  const { addon } = thread()
  const ifindex = addon.interfaceIndex(name)
  if (ifindex === 0) throw noInterface(name)
  const link = addon.netlink.link(ifindex)
  if (link === -ENODEV) throw noInterface(name)
  if (typeof link === 'number') throw bpfFailed(-link, `look at the interface ${name}`)
  const ethernet = link.type === ETHERNET
  return { name, ifindex, mtu: link.mtu, mac: ethernet ? link.mac : undefined, ethernet }
}

/** Addresses of an interface, 4 or 16 bytes each, in network order. */
export function addressesOf(ifindex: number): Uint8Array[] {
  const addresses = thread().addon.netlink.addresses(ifindex)
  if (typeof addresses === 'number') throw bpfFailed(-addresses, `list the addresses of interface ${ifindex}`)
  return addresses
}
