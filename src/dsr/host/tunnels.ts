import { readdirSync } from 'node:fs'
import { readText } from './files.js'

/** ARPHRD_TUNNEL, ARPHRD_TUNNEL6 and ARPHRD_SIT of linux/if_arp.h. */
const TUNNEL_TYPES = ['768', '769', '776']
/** IFF_UP of netdevice(7). */
const UP = 1

/** Names of the kernel's own tunnel devices (ipip, ip6tnl, sit) that are up. */
export function tunnelDevices(): string[] {
  return readdirSync('/sys/class/net').filter((name) => {
    const type = readText(`/sys/class/net/${name}/type`)
    const flags = Number(readText(`/sys/class/net/${name}/flags`) ?? 0)
    return type !== undefined && TUNNEL_TYPES.includes(type) && (flags & UP) !== 0
  })
}
