import { networkInterfaces } from 'node:os'
import { type Address, parseAddress } from '../address.js'
import { readText } from './files.js'

/** An address that an interface has, with the network that it is in. */
export interface InterfaceAddress {
  interface: string
  address: Address
  /** Length of the prefix. */
  bits: number
}

/** All addresses of interfaces that are up. `local` routes are none. */
export function interfaceAddresses(): InterfaceAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list = []]) =>
    list.flatMap((info) => {
      const address = parseAddress(info.address)
      const bits = Number(info.cidr?.split('/')[1])
      return address && info.cidr ? [{ interface: name, address, bits }] : []
    }),
  )
}

/** An IPv6 address that cannot be used: /proc/net/if_inet6, flags of linux/if_addr.h. */
export interface UnusableAddress {
  interface: string
  address: Address
  state: 'tentative' | 'duplicate'
}

/** IFA_F_TENTATIVE and IFA_F_DADFAILED of linux/if_addr.h. */
const TENTATIVE = 0x40
const DAD_FAILED = 0x08

/** IPv6 addresses that duplicate address detection has not let through. */
export function unusableAddresses(): UnusableAddress[] {
  return (readText('/proc/net/if_inet6') ?? '').split('\n').flatMap((line) => {
    const [hex = '', , , , flagText = '', name = ''] = line.trim().split(/\s+/)
    const flags = Number.parseInt(flagText, 16)
    if (hex.length !== 32 || (flags & (TENTATIVE | DAD_FAILED)) === 0) return []
    const address = parseAddress((hex.match(/..../g) as string[]).join(':'))
    if (address === undefined) return []
    return [{ interface: name, address, state: flags & DAD_FAILED ? 'duplicate' : 'tentative' }]
  })
}
