import type { Address } from '../address.js'
import { error, type Outcome, unknown, warning } from '../finding.js'
import { type Packet, packetText } from '../netfilter/packet.js'
import { netfilterOf } from '../netfilter/read.js'
import type { Chain, Hook } from '../netfilter/ruleset.js'
import { type Hit, type Passage, walk } from '../netfilter/walk.js'
import { clientOf, type Situation } from '../options.js'
import type { Check } from './check.js'
import { arrivals, replies } from './packets.js'

const ARRIVING: readonly Hook[] = ['ingress', 'prerouting', 'input']
const LEAVING: readonly Hook[] = ['output', 'postrouting']

/** Leads a request and a reply through the rules of nftables and iptables. */
export const firewall: Check = {
  id: 'firewall',
  title: 'no firewall rule of this host drops requests or replies',
  applies: ({ role, ports }) => role === 'backend' && ports.length > 0,
  look: async (situation: Situation) => {
    const { chains, missing } = await netfilterOf(situation)
    const filters = chains.filter(({ base }) => !base?.nat)
    const found = [
      ...arrivals(situation).flatMap((packet) =>
        judge(filters, packet, ARRIVING, clientOf(situation, packet.destination!)),
      ),
      ...replies(situation, 'established').flatMap((packet) => judge(filters, packet, LEAVING)),
    ]
    if (missing.length === 0 || found.some(({ severity }) => severity === 'error')) return found
    const rules = 'Could not read all firewall rules, which may drop requests or replies'
    return [...found, unknown(rules, `${missing.join('. ')}.`, '# run the check again as root')]
  },
}

function judge(chains: readonly Chain[], packet: Packet, hooks: readonly Hook[], client?: Address): Outcome[] {
  const passage = walk(chains, packet, hooks)
  const what = packetText(packet)
  if (passage.dropped === undefined) {
    // A return may skip what accepts it.
    const unread = passage.uncertain.filter(({ truth, verdict }) => truth === 'opaque' && verdict.kind !== 'accept')
    if (unread.length > 0) {
      return [unknown(`A rule that could not be understood may drop ${what}`, unread.map(hitText).join('. '))]
    }
    // A list of the few who may not come in is no fault; one of the few who may is.
    if (client === undefined || packet.source !== undefined || packet.destination === undefined) return []
    const theirs = walk(chains, { ...packet, source: client }, hooks)
    if (theirs.dropped === undefined) return []
    return [
      warning(
        `The firewall drops ${what} from some clients, as ${client.text}`,
        decisive(theirs),
        ...remedy(theirs, packet),
      ),
    ]
  }
  const seen = decisive(passage)
  const some = passage.uncertain.filter(({ verdict }) => verdict.kind === 'accept' || verdict.kind === 'return')
  if (some.length === 0) return [error(`The firewall drops ${what}`, seen, ...remedy(passage, packet))]
  const accepted = `It may be saved by: ${some.map(hitText).join('. ')}. All else: ${seen}`
  if (some.every(({ truth }) => truth === 'some')) {
    if (client !== undefined && walk(chains, { ...packet, source: client }, hooks).dropped === undefined) return []
    return [warning(`The firewall accepts ${what} from some clients only`, accepted, ...remedy(passage, packet))]
  }
  return [unknown(`Could not see whether the firewall accepts ${what}`, accepted)]
}

function decisive({ dropped }: Passage): string {
  const { chain, rule } = dropped!
  return rule === undefined
    ? `${chain.label}: its policy is to drop, and no rule accepts it`
    : `${chain.label}: ${rule.text}`
}

function hitText({ chain, rule }: Hit): string {
  return `${chain.label}: ${rule.text}`
}

function remedy({ dropped }: Passage, packet: Packet): string[] {
  const { chain } = dropped!
  const { protocol, sourcePort, destinationPort } = packet
  if (chain.label.startsWith('ip')) {
    const [command, table, name] = chain.label.split(' ')
    if (command === 'iptables' || command === 'ip6tables') {
      const ports = [
        ...(destinationPort === undefined ? [] : [`--dport ${destinationPort}`]),
        ...(sourcePort === undefined ? [] : [`--sport ${sourcePort}`]),
      ]
      return [
        [command, '-t', table, '-I', name, '-p', protocol === 17 ? 'udp' : protocol, ...ports, '-j ACCEPT'].join(' '),
      ]
    }
  }
  if (destinationPort !== undefined) return [`nft insert rule ${chain.label} udp dport ${destinationPort} accept`]
  if (sourcePort !== undefined) return [`nft insert rule ${chain.label} udp sport ${sourcePort} accept`]
  return [`nft insert rule ${chain.label} meta l4proto ${protocol} accept`]
}
