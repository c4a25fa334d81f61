import { type Address, parseAddress } from '../address.js'
import type { Packet } from './packet.js'
import { type Chain, type Hook, not, type Rule, type Truth, type Verdict } from './ruleset.js'
import { addressBetween, addressIs, isEverybody, isNamed, portOf, protocolNumber, type Value } from './values.js'

/** What `nft -j` prints (libnftables-json(5)): objects with one property, whose name says what they are. */
// biome-ignore lint/suspicious/noExplicitAny: its shape differs with every expression, and versions add new ones
type Json = any

const HOOKS: readonly string[] = ['ingress', 'prerouting', 'input', 'output', 'postrouting'] satisfies Hook[]
const UDP = 17

/** Named sets and maps, by family, table and name. */
type Sets = Map<string, readonly Json[]>

/** @param text of `nft -j list ruleset` @throws SyntaxError */
export function readNft(text: string): Chain[] {
  const objects: Json[] = JSON.parse(text).nftables
  const sets: Sets = new Map()
  const rules = new Map<string, Rule[]>()
  for (const { set, map, rule } of objects) {
    const named = set ?? map
    if (named) sets.set(`${named.family} ${named.table} ${named.name}`, named.elem ?? [])
    if (rule) {
      const key = `${rule.family} ${rule.table} ${rule.chain}`
      rules.set(key, [...(rules.get(key) ?? []), ...readRule(rule, sets)])
    }
  }
  return objects.flatMap(({ chain }) => {
    if (!chain || chain.family === 'bridge' || chain.family === 'arp') return []
    const label = `${chain.family} ${chain.table} ${chain.name}`
    const base = HOOKS.includes(chain.hook)
      ? {
          hook: chain.hook as Hook,
          nat: chain.type === 'nat',
          priority: chain.prio as number,
          policy: chain.policy === 'drop' ? ('drop' as const) : ('accept' as const),
          devices: [chain.dev ?? []].flat(),
        }
      : undefined
    const version = chain.family === 'ip' ? 4 : chain.family === 'ip6' ? 6 : undefined
    const table = `nft ${chain.family} ${chain.table}`
    return [{ label, version, table, name: chain.name, base, rules: rules.get(label) ?? [] }]
  })
}

/** A rule with a verdict map becomes one for each of its entries. */
function readRule(rule: Json, sets: Sets): Rule[] {
  const matches: Rule['matches'][number][] = []
  const found: Rule[] = []
  const lookUp = (name: string) => sets.get(`${rule.family} ${rule.table} ${name}`)
  const text = `handle ${rule.handle}${rule.comment ? ` (${rule.comment})` : ''}: ${brief(rule.expr)}`
  const add = (verdict: Verdict, more: Rule['matches'] = []) =>
    found.push({ text, matches: [...matches, ...more], verdict })
  for (const statement of rule.expr as Json[]) {
    const [kind, value] = Object.entries(statement)[0] as [string, Json]
    switch (kind) {
      case 'match':
        matches.push((packet) => compare(packet, value, lookUp))
        break
      case 'limit':
      case 'quota':
      case 'meter':
      case 'ct count':
        matches.push(() => 'some')
        break
      case 'xt':
        // iptables-save says what that is, where it is installed.
        matches.push(() => 'opaque')
        break
      case 'vmap': {
        const entries: Json[] = typeof value.data === 'string' ? (lookUp(value.data.slice(1)) ?? []) : value.data.set
        for (const [key, verdict] of entries) {
          const read = readVerdict(Object.keys(verdict)[0]!, Object.values(verdict)[0])
          if (read) add(read, [(packet) => compare(packet, { op: '==', left: value.key, right: key }, lookUp)])
        }
        break
      }
      default: {
        const verdict = readVerdict(kind, value)
        if (verdict) add(verdict)
      }
    }
  }
  return found
}

function readVerdict(kind: string, value: Json): Verdict | undefined {
  switch (kind) {
    case 'accept':
    case 'drop':
    case 'return':
      return { kind }
    case 'reject':
      return { kind: 'drop' }
    case 'jump':
    case 'goto':
      return { kind, chain: value.target }
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
    case 'tproxy':
      return { kind: 'rewrite', how: kind, to: endText(value) }
    case 'mangle': {
      const { protocol, field } = value.key?.payload ?? {}
      const address = (protocol === 'ip' || protocol === 'ip6') && (field === 'saddr' || field === 'daddr')
      return address ? { kind: 'rewrite', how: 'mangle', to: `${field} ${brief(value.value)}` } : undefined
    }
    default:
      return undefined
  }
}

function endText(value: Json): string {
  if (value === null || value === undefined) return 'the address of the interface'
  const address = value.addr === undefined ? '' : brief(value.addr)
  const port = value.port === undefined ? '' : `port ${brief(value.port)}`
  return [address, port].filter(Boolean).join(' ') || 'the address of the interface'
}

function brief(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 160 ? `${text.slice(0, 157)}...` : text
}

function compare(
  packet: Packet,
  { op, left, right }: Json,
  lookUp: (name: string) => readonly Json[] | undefined,
): Truth {
  const [kind, what] = Object.entries(left)[0] as [string, Json]
  if (kind === 'ct') return what.key === 'state' ? asked(op, within(packet.state, right, lookUp)) : 'opaque'
  if (kind === 'fib') return fib(packet, what, op, right, lookUp)
  const value = kind === 'payload' ? payload(packet, what) : kind === 'meta' ? meta(packet, what.key) : NOT_KNOWN
  if (value === NOT_KNOWN) return 'opaque'
  if (value === 'absent') return false
  if (value === undefined) return everybody(right) ? asked(op, true) : 'some'
  if (op === '==' || op === 'in' || op === '!=') return asked(op, within(value, right, lookUp))
  if (typeof value !== 'number' || typeof right !== 'number') return 'opaque'
  return op === '<' ? value < right : op === '>' ? value > right : op === '<=' ? value <= right : value >= right
}

const NOT_KNOWN = Symbol('a field that this reader does not know')

function asked(op: string, truth: Truth): Truth {
  return op === '!=' ? not(truth) : truth
}

function everybody(right: Json): boolean {
  return right?.prefix?.len === 0 || (typeof right === 'string' && isEverybody(right))
}

function payload(packet: Packet, { protocol, field }: Json): Value | typeof NOT_KNOWN {
  switch (protocol) {
    case 'ip':
    case 'ip6':
      if (packet.version !== (protocol === 'ip' ? 4 : 6)) return 'absent'
      if (field === 'saddr') return packet.source
      if (field === 'daddr') return packet.destination
      return field === 'protocol' || field === 'nexthdr' ? packet.protocol : NOT_KNOWN
    case 'udp':
    case 'th':
      if (field !== 'sport' && field !== 'dport') return NOT_KNOWN
      return portOf(packet, field, UDP)
    case 'tcp':
    case 'icmp':
    case 'icmpv6':
    case 'sctp':
      return 'absent'
    default:
      return NOT_KNOWN
  }
}

function meta(packet: Packet, key: string): Value | typeof NOT_KNOWN {
  switch (key) {
    case 'iifname':
    case 'iif':
      return packet.in ?? 'absent'
    case 'oifname':
    case 'oif':
      return packet.out ?? 'absent'
    case 'l4proto':
      return packet.protocol
    case 'nfproto':
      return packet.version === 4 ? 'ipv4' : 'ipv6'
    case 'protocol':
      return packet.version === 4 ? 'ip' : 'ip6'
    case 'mark':
      return 0
    default:
      return NOT_KNOWN
  }
}

function fib(
  packet: Packet,
  { result, flags }: Json,
  op: string,
  right: Json,
  lookUp: (name: string) => readonly Json[] | undefined,
): Truth {
  const about: string[] = [flags].flat()
  if (result === 'type' && about.includes('daddr'))
    return asked(op, within(packet.toHost ? 'local' : 'unicast', right, lookUp))
  // `fib saddr . iif oif missing`: the reverse path filter of nft(8).
  if (result === 'oif' && about.includes('saddr') && about.includes('iif') && typeof right === 'boolean') {
    return packet.returns === undefined ? 'opaque' : asked(op, packet.returns === right)
  }
  return 'opaque'
}

function within(
  value: Exclude<Value, undefined>,
  right: Json,
  lookUp: (name: string) => readonly Json[] | undefined,
): Truth {
  if (Array.isArray(right)) return some(right.map((one) => within(value, one, lookUp)))
  if (right !== null && typeof right === 'object') {
    if (right.set) return some(right.set.map((one: Json) => within(value, one, lookUp)))
    if (right.elem) return within(value, right.elem.val, lookUp)
    if (right.prefix) return fits(value, `${right.prefix.addr}/${right.prefix.len}`)
    if (right.range) return between(value, right.range)
    return 'opaque'
  }
  if (typeof right === 'string' && right.startsWith('@')) {
    const elements = lookUp(right.slice(1))
    return elements === undefined ? 'opaque' : some(elements.map((one) => within(value, one, lookUp)))
  }
  return fits(value, right)
}

/** One of several. True outweighs what is not known. */
function some(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true
  return truths.includes('opaque') ? 'opaque' : false
}

function fits(value: Exclude<Value, undefined>, right: string | number): Truth {
  if (typeof value === 'object') return addressIs(value, String(right)) ?? 'opaque'
  if (typeof value === 'string') return isNamed(value, String(right))
  return value === (typeof right === 'number' ? right : protocolNumber(right))
}

function between(value: Exclude<Value, undefined>, [low, high]: [Json, Json]): Truth {
  if (typeof value === 'number') return typeof low === 'number' ? low <= value && value <= high : 'opaque'
  if (typeof value === 'string') return 'opaque'
  const ends = [parseAddress(String(low)), parseAddress(String(high))]
  return ends.includes(undefined) ? 'opaque' : addressBetween(value, ...(ends as [Address, Address]))
}
