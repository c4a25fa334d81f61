import { quoted } from '../place.js'
import { type Problems, proposal } from '../problems.js'
import { canonical, entriesOf, type Parts, poolsOf, type ServicePart, servicesOf } from './parts.js'

/** What services need of pools and of the edge. */
export function checkServices(parts: Parts, problems: Problems): void {
  const names = new Map<string, number>()
  const fragments = new Map<string, number>()
  for (const [i, service] of servicesOf(parts)) {
    checkName(i, service, names, problems)
    checkVips(i, service, problems)
    checkPool(i, service, parts, problems)
    checkEdge(i, service, parts, problems)
    checkFragments(i, service, parts, fragments, problems)
  }
}

function checkName(i: number, { name }: ServicePart, names: Map<string, number>, problems: Problems): void {
  if (name === undefined) return
  const earlier = names.get(name)
  if (earlier === undefined) names.set(name, i)
  else {
    const expected = `another name than services[${earlier}] has`
    problems.add({
      kind: 'conflict',
      path: ['services', i, 'name'],
      found: name,
      expected,
      remedy: 'Rename one of them.',
    })
  }
}

function checkVips(i: number, { vips }: ServicePart, problems: Problems): void {
  const seen = new Set<string>()
  for (const [j, vip] of entriesOf(vips)) {
    const address = canonical(vip)
    if (seen.has(address)) {
      const path = ['services', i, 'vips', j]
      problems.add({
        kind: 'conflict',
        path,
        found: vip,
        expected: 'an address that is not in the list before',
        remedy: 'Leave it out.',
      })
    }
    seen.add(address)
  }
}

function checkPool(i: number, { pool: name, quic }: ServicePart, parts: Parts, problems: Problems): void {
  if (name === undefined) return
  const pools = poolsOf(parts)
  if (!pools.has(name)) {
    const known = [...pools.keys()]
    const expected =
      known.length === 0 ? 'the name of a pool, and there is none' : `the name of a pool: ${listed(known)}`
    const remedy = proposal(name, known) ?? `Add [pools.${name}].`
    problems.add({ kind: 'reference', path: ['services', i, 'pool'], found: name, expected, remedy })
    return
  }
  const pool = pools.get(name)
  if (quic && pool !== undefined && pool.quic_lb === undefined && !problems.concern(['pools', name, 'quic_lb'])) {
    problems.add({
      kind: 'conflict',
      path: ['services', i, 'quic'],
      found: quic,
      expected: `false, since the pool ${quoted(name)} has no quic_lb`,
      remedy: `Add quic_lb to [pools.${name}], or leave quic out.`,
    })
  }
}

/** Most names that a message lists. */
const MOST_LISTED = 8

function listed(names: readonly string[]): string {
  const first = names.slice(0, MOST_LISTED).map(quoted)
  if (names.length > MOST_LISTED) first.push(`… (${names.length})`)
  return first.join(', ')
}

/** A config without [edge] is for other hosts than edges, which need not know what edges can do. */
function checkEdge(i: number, service: ServicePart, { edge }: Parts, problems: Problems): void {
  if (edge === undefined) return
  if (service.flow_table && edge.flow_table === undefined && !problems.concern(['edge', 'flow_table'])) {
    problems.add({
      kind: 'conflict',
      path: ['services', i, 'flow_table'],
      found: true,
      expected: 'false, since [edge] has no flow_table',
      remedy: 'Add flow_table = {} to [edge], or leave it out here.',
    })
  }
  if (service.learn_ports) {
    const missing = (['return_path', 'flow_table'] as const).find((key) => edge[key] === undefined)
    if (missing !== undefined && !problems.concern(['edge', missing])) {
      problems.add({
        kind: 'conflict',
        path: ['services', i, 'learn_ports'],
        found: true,
        expected: `false, since [edge] has no ${missing}`,
        remedy: `Add ${missing} = {} to [edge], or leave it out here.`,
      })
    }
  }
  if (service.quic && edge.quic === false) {
    problems.add({
      kind: 'conflict',
      path: ['services', i, 'quic'],
      found: true,
      expected: 'false, since [edge] has no quic',
      remedy: 'Add quic = true to [edge], or leave it out here.',
    })
  }
}

function checkFragments(
  i: number,
  service: ServicePart,
  parts: Parts,
  takers: Map<string, number>,
  problems: Problems,
): void {
  if (!service.fragments) return
  const path = ['services', i, 'fragments']
  if (service.affinity !== undefined && service.affinity !== 'client-ip') {
    problems.add({
      kind: 'conflict',
      path,
      found: true,
      expected: `false with the affinity ${quoted(service.affinity)}: fragments have no ports to go by`,
      remedy: 'Set affinity = "client-ip", or leave fragments out.',
    })
  }
  const pool = service.pool === undefined ? undefined : poolsOf(parts).get(service.pool)
  if (pool?.delivery === 'proxy') {
    problems.add({
      kind: 'conflict',
      path,
      found: true,
      expected: 'false with the delivery "proxy", whose header goes into whole datagrams',
      remedy: 'Take another delivery, or leave fragments out.',
    })
  }
  for (const [, vip] of entriesOf(service.vips)) {
    const address = canonical(vip)
    const earlier = takers.get(address)
    if (earlier === undefined) takers.set(address, i)
    else if (earlier !== i) {
      const expected = `false, since services[${earlier}] has the fragments to ${address}`
      problems.add({ kind: 'conflict', path, found: true, expected, remedy: 'Leave it out in one of them.' })
      return
    }
  }
}
