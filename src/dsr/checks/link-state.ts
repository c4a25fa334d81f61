import { error } from '../finding.js'
import { readText } from '../host/files.js'
import type { Check } from './check.js'

/** IFF_UP of netdevice(7). */
const UP = 1

/** The interface must be up and have a carrier. */
export const linkState: Check = {
  id: 'link-state',
  title: 'the interface is up',
  // Who names neither asks about no interface.
  applies: ({ interface: on, vips }) => on !== undefined || vips.length > 0,
  look: ({ interface: on }) => {
    if (on === undefined) {
      const fix = '# name it: the option interface'
      return [
        error('No interface leads to clients', 'No route to clients leaves through one, and none was named.', fix),
      ]
    }
    const flags = Number(readText(`/sys/class/net/${on.name}/flags`))
    if ((flags & UP) === 0) {
      return [error(`${on.name} is down`, `/sys/class/net/${on.name}/flags`, `ip link set dev ${on.name} up`)]
    }
    if (readText(`/sys/class/net/${on.name}/carrier`) !== '0') return []
    const detail = `/sys/class/net/${on.name}/carrier is 0: the cable, the switch or the other end of a veth is down.`
    return [error(`${on.name} has no carrier`, detail, `ip link show dev ${on.name}`)]
  },
}
