import type { Packet } from './packet.js'
import { all, type Chain, type Hook, type Rule, type Truth, type Verdict } from './ruleset.js'

/** A rule that has something to say about the packet, or may have. */
export interface Hit {
  chain: Chain
  rule: Rule
  verdict: Verdict
  /** True, or why it is not certain. */
  truth: true | 'some' | 'opaque'
}

/** What chains do with a packet. */
export interface Passage {
  /** What drops it: a rule, or a chain's policy. Undefined: it is accepted. */
  dropped: { chain: Chain; rule: Rule | undefined } | undefined
  /** Rules that change it. */
  rewrites: Hit[]
  /** Rules that may have decided otherwise. */
  uncertain: Hit[]
}

/**
 * Leads a packet through the chains of hooks, in the order of their priorities. A drop is final; what one chain accepts goes on to the next
 * (nft(8), verdict statements).
 */
export function walk(chains: readonly Chain[], packet: Packet, hooks: readonly Hook[]): Passage {
  const passage: Passage = { dropped: undefined, rewrites: [], uncertain: [] }
  for (const hook of hooks) {
    const entered = chains.filter(
      ({ base, version }) => base?.hook === hook && (version ?? packet.version) === packet.version,
    )
    entered.sort((a, b) => a.base!.priority - b.base!.priority)
    for (const chain of entered) {
      const { devices, policy } = chain.base!
      if (devices.length > 0 && !devices.includes(packet.in ?? '')) continue
      const end = run(chains, chain, packet, passage, true)
      if (end === undefined && policy === 'drop') passage.dropped = { chain, rule: undefined }
      if (passage.dropped !== undefined) return passage
    }
  }
  return passage
}

/** @returns undefined when the packet comes to the end of the chain */
function run(
  chains: readonly Chain[],
  chain: Chain,
  packet: Packet,
  passage: Passage,
  reached: true | 'some' | 'opaque',
): 'accept' | 'drop' | undefined {
  for (const rule of chain.rules) {
    const { verdict } = rule
    if (verdict === undefined) continue
    const truth = all([reached, ...lazily(rule, packet)])
    if (truth === false) continue
    if (verdict.kind === 'jump' || verdict.kind === 'goto') {
      const target = chains.find((other) => other.table === chain.table && other.name === verdict.chain)
      const end = target && run(chains, target, packet, passage, truth)
      if (truth !== true) {
        // It may not come back from there.
        if (verdict.kind === 'goto') passage.uncertain.push({ chain, rule, verdict: { kind: 'return' }, truth })
        continue
      }
      if (end !== undefined) return end
      if (verdict.kind === 'goto') return undefined
      continue
    }
    const hit: Hit = { chain, rule, verdict, truth }
    if (truth !== true) {
      passage.uncertain.push(hit)
    } else if (verdict.kind === 'rewrite') {
      passage.rewrites.push(hit)
      if (verdict.how !== 'mangle') return 'accept'
    } else if (verdict.kind === 'return') {
      return undefined
    } else {
      if (verdict.kind === 'drop') passage.dropped = { chain, rule }
      return verdict.kind as 'accept' | 'drop'
    }
  }
  return undefined
}

function* lazily(rule: Rule, packet: Packet): Generator<Truth> {
  for (const match of rule.matches) yield match(packet)
}
