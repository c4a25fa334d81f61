import type { Address } from '../address.js'
import { error, type Outcome, warning } from '../finding.js'
import { readText, sysctlNumber } from '../host/files.js'
import { isLocal, wayText, wayTo } from '../host/routing.js'
import { clientOf, type Situation } from '../options.js'
import type { Check } from './check.js'

/** Replies go straight to the clients, so the backend needs a route to them, for packets whose source is the VIP. */
export const returnRoute: Check = {
  id: 'return-route',
  title: 'replies from the VIPs have a route to the clients',
  applies: ({ role }) => role === 'backend',
  look: (situation) => situation.vips.flatMap((vip) => routeFor(situation, vip)),
}

function routeFor(situation: Situation, vip: Address): Outcome[] {
  const { interface: on } = situation
  const client = clientOf(situation, vip)
  if (client === undefined) return []
  const way = wayTo(client)
  const dash6 = vip.version === 6 ? '-6 ' : ''
  if (way.kind === 'none') {
    return [
      error(
        `There is no route to clients for replies from ${vip.text}`,
        `The routing tables say "${way.reason}" for ${client.text}.${vip.version === 6 ? advertisements(on?.name) : ''}`,
        `ip ${dash6}route add default via ROUTER dev ${on?.name ?? 'INTERFACE'}`,
      ),
    ]
  }
  // A source that is not local is refused whatever the routes are, and another check says so.
  if (!isLocal(vip)) return []
  const fromVip = wayTo(client, vip)
  if (fromVip.kind === 'none') {
    return [
      error(
        `Replies from ${vip.text} have no route to clients, though other packets have one`,
        `For ${client.text} the routing tables say "${wayText(way)}", but "${fromVip.reason}" for packets from ${vip.text}: a rule of policy routing.`,
        `ip ${dash6}rule show  # find the rule that is about ${vip.text}, and delete it or complete its table`,
      ),
    ]
  }
  if (wayText(fromVip) === wayText(way)) return []
  return [
    warning(
      `Replies from ${vip.text} leave another way than all else`,
      `To ${client.text}: "${wayText(fromVip)}" for packets from ${vip.text}, else "${wayText(way)}": a rule of policy routing. ` +
        'If the router there does not let that source through, clients get no answer.',
      `ip ${dash6}rule show  # find the rule that is about ${vip.text}, and delete it if it is not meant`,
    ),
  ]
}

/** Where the default route should have come from a router that is not listened to. */
function advertisements(name: string | undefined): string {
  if (name === undefined || readText(`/proc/sys/net/ipv6/conf/${name}/accept_ra`) === undefined) return ''
  const accepted = sysctlNumber(`net/ipv6/conf/${name}/accept_ra`)
  const forwards = sysctlNumber(`net/ipv6/conf/${name}/forwarding`) === 1
  if (accepted === 0) return ` Router advertisements are ignored: net.ipv6.conf.${name}.accept_ra is 0.`
  if (accepted === 1 && forwards) {
    return ` Router advertisements are ignored, because this host forwards: set net.ipv6.conf.${name}.accept_ra to 2.`
  }
  return ''
}
