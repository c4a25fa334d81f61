import { quoted } from '../place.js'
import type { Problems } from '../problems.js'
import { portRange } from '../schema/service.js'
import { canonical, entriesOf, type Parts, servicesOf } from './parts.js'

/** Ports of a VIP that an entry of a service has. */
interface Claim {
  low: number
  high: number
  service: number
  /** Place in `ports`. */
  entry: number
}

/** No port of a VIP belongs to two services. Entries of one service may overlap. */
export function checkPorts(parts: Parts, problems: Problems): void {
  const told = new Set<string>()
  for (const [vip, claims] of claimsByVip(parts)) {
    for (const [one, other] of rivals(claims)) {
      const [first, later] = one.service < other.service ? [one, other] : [other, one]
      const pair = `${later.service} ${later.entry} ${first.service}`
      if (told.has(pair)) continue
      told.add(pair)
      const owner = parts.services?.[first.service]?.name
      problems.add({
        kind: 'conflict',
        path: ['services', later.service, 'ports', later.entry],
        found: parts.services?.[later.service]?.ports?.[later.entry],
        expected:
          `free of port ${Math.max(first.low, later.low)} of ${vip}, which is that of services[${first.service}]` +
          (owner === undefined ? '' : ` (${quoted(owner)})`),
        remedy: 'Give each port of a VIP to one service.',
      })
    }
  }
}

function claimsByVip(parts: Parts): Map<string, Claim[]> {
  const claims = new Map<string, Claim[]>()
  for (const [service, { vips, ports }] of servicesOf(parts)) {
    const ranges = entriesOf(ports).map(([entry, port]) => {
      const [low, high] = portRange(port)!
      return { low, high, service, entry }
    })
    for (const vip of new Set(entriesOf(vips).map(([, vip]) => canonical(vip)))) {
      const others = claims.get(vip)
      if (others === undefined) claims.set(vip, [...ranges])
      else others.push(...ranges)
    }
  }
  return claims
}

/**
 * Pairs of claims of different services that overlap, each claim with one rival. In the order of their first ports, a claim that
 * overlaps any earlier one overlaps that with the highest last port among those of other services.
 */
function* rivals(claims: readonly Claim[]): Generator<readonly [Claim, Claim]> {
  let highest: Claim | undefined
  /** The highest of all services but that of `highest`. */
  let second: Claim | undefined
  for (const claim of [...claims].sort((a, b) => a.low - b.low || a.service - b.service || a.entry - b.entry)) {
    const rival = highest?.service === claim.service ? second : highest
    if (rival !== undefined && claim.low <= rival.high) yield [rival, claim]
    if (highest === undefined || claim.high > highest.high) {
      if (highest !== undefined && highest.service !== claim.service) second = highest
      highest = claim
    } else if (claim.service !== highest.service && (second === undefined || claim.high > second.high)) second = claim
  }
}
