import { type Outcome, unknown, warning } from '../finding.js'
import { readText } from '../host/files.js'
import { type Packet, packetText } from '../netfilter/packet.js'
import { netfilterOf } from '../netfilter/read.js'
import { type Hit, type Passage, walk } from '../netfilter/walk.js'
import type { Situation } from '../options.js'
import type { Check } from './check.js'
import { arrivals, replies } from './packets.js'

/**
 * A request whose destination is rewritten comes to the program as one for another address; a reply whose source is rewritten is no
 * answer to the client. NAT follows the connection that the request began: what a program sends unasked, or later than
 * `nf_conntrack_udp_timeout`, begins one of its own, and is masqueraded.
 */
export const addressTranslation: Check = {
  id: 'address-translation',
  title: 'no rule rewrites the addresses of requests or replies',
  applies: ({ role, ports }) => role === 'backend' && ports.length > 0,
  look: async (situation: Situation) => {
    const { chains, missing } = await netfilterOf(situation)
    const found: Outcome[] = []
    for (const packet of arrivals(situation)) {
      const passage = walk(chains, packet, ['prerouting'])
      found.push(...unread(passage, packet, 'd'))
      for (const hit of passage.rewrites.filter((one) => isAbout(one, 'd'))) {
        found.push(
          warning(
            `${packetText(packet)} is rewritten before the program sees it`,
            `${hit.chain.label}: ${hit.rule.text} (${how(hit)}). The program sees that address instead of the VIP; replies are right only ` +
              'while connection tracking has the flow, and each flow takes an entry of its table.',
            removal(hit),
          ),
        )
      }
    }
    for (const packet of replies(situation, 'new')) {
      const passage = walk(chains, packet, ['output', 'postrouting'])
      found.push(...unread(passage, packet, 's'))
      for (const hit of passage.rewrites.filter((one) => isAbout(one, 's'))) {
        const always = hit.verdict.kind === 'rewrite' && hit.verdict.how === 'mangle'
        found.push(
          warning(
            `${packetText(packet)} leaves from another address${always ? '' : ' when it follows no recent request'}`,
            `${hit.chain.label}: ${hit.rule.text} (${how(hit)}).${always ? '' : ` A datagram that the program sends unasked, or more than ${timeout()} after the last one of its flow, is none of that flow any more.`}`,
            removal(hit),
          ),
        )
      }
    }
    if (missing.length === 0 || found.length > 0) return found
    const rules = 'Could not read all rules that may rewrite addresses'
    return [unknown(rules, `${missing.join('. ')}.`, '# run the check again as root')]
  },
}

function unread({ uncertain }: Passage, packet: Packet, direction: 's' | 'd'): Outcome[] {
  const hits = uncertain.filter((hit) => hit.truth === 'opaque' && isAbout(hit, direction))
  if (hits.length === 0) return []
  const rules = hits.map(({ chain, rule }) => `${chain.label}: ${rule.text}`).join('. ')
  return [unknown(`A rule that could not be understood may rewrite ${packetText(packet)}`, rules)]
}

function isAbout({ verdict }: Hit, direction: 's' | 'd'): boolean {
  if (verdict.kind !== 'rewrite') return false
  if (verdict.how === 'mangle') return verdict.to.startsWith(`${direction}addr`)
  return (verdict.how === 'snat' || verdict.how === 'masquerade') === (direction === 's')
}

function how({ verdict }: Hit): string {
  return verdict.kind === 'rewrite' ? `${verdict.how} to ${verdict.to}` : verdict.kind
}

function timeout(): string {
  return `${readText('/proc/sys/net/netfilter/nf_conntrack_udp_timeout') ?? '30'} seconds`
}

function removal({ chain, rule }: Hit): string {
  const handle = /^handle (\d+)/.exec(rule.text)?.[1]
  if (handle !== undefined) return `nft delete rule ${chain.label} handle ${handle}`
  const [command, table] = chain.label.split(' ')
  return `${command} -t ${table} ${rule.text.replace(/^-A/, '-D')}`
}
