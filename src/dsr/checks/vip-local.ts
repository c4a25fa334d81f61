import { localRoute } from '../../errors/remedy.js'
import { error } from '../finding.js'
import { sysctlNumber } from '../host/files.js'
import { isLocal, wayText, wayTo } from '../host/routing.js'
import type { Check } from './check.js'

/** A backend takes packets for a VIP, and may send from it, only when it is one of its own addresses. */
export const vipLocal: Check = {
  id: 'vip-local',
  title: 'the VIPs are local addresses of this backend',
  applies: ({ role }) => role === 'backend',
  look: ({ vips }) =>
    vips
      .filter((vip) => !isLocal(vip))
      .map((vip) => {
        const forwards = sysctlNumber(vip.version === 4 ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding') === 1
        const fate = forwards ? 'and since this host forwards, back out' : 'and are dropped'
        return error(
          `The VIP ${vip.text} is not a local address of this host`,
          `The routing tables say "${wayText(wayTo(vip))}" for it: packets that come in for it are not this host's, ${fate}, ` +
            'and no program may send from it.',
          localRoute(vip.text),
        )
      }),
}
