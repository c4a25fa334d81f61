import type { IPVersion } from '../../net/classify.js'
import type { Packet } from './packet.js'

/** `some`: for some clients, or some of the time; `opaque`: this reader does not know the expression. */
export type Truth = true | false | 'some' | 'opaque'

export type Hook = 'ingress' | 'prerouting' | 'input' | 'output' | 'postrouting'

/** What becomes of a packet that a rule matches. Rules that only count, log or mark have none. */
export type Verdict =
  | { kind: 'accept' | 'drop' | 'return' }
  | { kind: 'jump' | 'goto'; chain: string }
  /** The addresses change. `how` as nft(8) calls it; `mangle`: without connection tracking. */
  | { kind: 'rewrite'; how: 'snat' | 'masquerade' | 'dnat' | 'redirect' | 'tproxy' | 'mangle'; to: string }

export interface Rule {
  /** As the tool writes it, for messages. */
  text: string
  matches: readonly ((packet: Packet) => Truth)[]
  verdict: Verdict | undefined
}

export interface Chain {
  /** `ip filter INPUT`: family, table and name, for messages. */
  label: string
  /** Undefined: for both versions. */
  version: IPVersion | undefined
  /** Names by which rules of the same table find it. */
  table: string
  name: string
  /** Where packets enter; undefined for chains that are only jumped to. */
  base:
    | { hook: Hook; nat: boolean; priority: number; policy: 'accept' | 'drop'; devices: readonly string[] }
    | undefined
  rules: readonly Rule[]
}

/** All of several conditions. False outweighs what is not known. */
export function all(truths: Iterable<Truth>): Truth {
  let result: Truth = true
  for (const truth of truths) {
    if (truth === false) return false
    if (truth === 'opaque' || (truth === 'some' && result === true)) result = truth
  }
  return result
}

export function not(truth: Truth): Truth {
  return typeof truth === 'boolean' ? !truth : truth
}
