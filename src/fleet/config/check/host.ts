import type { Problems } from '../problems.js'
import { canonical, entriesOf, type Parts, servicesOf } from './parts.js'

/** What the sections of this host need. */
export function checkHost(parts: Parts, problems: Problems): void {
  checkSecret(parts, problems)
  checkPinPaths(parts, problems)
  checkDraining(parts, problems)
  checkBackend(parts, problems)
  checkRewrite(parts, problems)
}

function checkSecret({ edge, secret }: Parts, problems: Problems): void {
  if (edge === undefined || secret !== undefined || problems.concern(['secret'])) return
  problems.add({
    kind: 'missing',
    path: ['secret'],
    expected: 'the same on every edge, { file = "…" } for instance',
    remedy: 'Make one: openssl rand -hex 8.',
  })
}

function checkPinPaths({ edge, backend, rewrite }: Parts, problems: Problems): void {
  const seen = new Map<string, string>()
  for (const [section, path] of [
    ['edge', edge?.pin_path],
    ['backend', backend?.pin_path],
    ['rewrite', rewrite?.pin_path],
  ] as const) {
    if (path === undefined) continue
    const earlier = seen.get(path)
    if (earlier === undefined) seen.set(path, section)
    else {
      const expected = `another folder than that of [${earlier}]`
      problems.add({
        kind: 'conflict',
        path: [section, 'pin_path'],
        found: path,
        expected,
        remedy: 'Each keeps its own maps.',
      })
    }
  }
}

function checkDraining({ edge }: Parts, problems: Problems): void {
  if (edge?.draining === undefined || edge.flow_table !== undefined || problems.concern(['edge', 'flow_table'])) return
  problems.add({
    kind: 'conflict',
    path: ['edge', 'draining'],
    found: {},
    expected: 'left out, since [edge] has no flow_table',
    remedy: 'Add flow_table = {} to [edge]: it shares its memory.',
  })
}

function checkBackend({ backend }: Parts, problems: Problems): void {
  if (backend?.gue_port === undefined || backend.deliveries === undefined) return
  if (backend.deliveries.length === 0) {
    const expected = 'a list with "ipip", "gue" or both'
    problems.add({
      kind: 'value',
      path: ['backend', 'deliveries'],
      found: [],
      expected,
      remedy: 'Leave it out for both.',
    })
  }
}

function checkRewrite(parts: Parts, problems: Problems): void {
  const { rewrite } = parts
  if (rewrite === undefined) return
  const { hook, cgroup, ports, learn, rules, pin_path } = rewrite
  for (const [key, value] of Object.entries({ cgroup, ports })) {
    const path = ['rewrite', key]
    if (hook === 'cgroup' && value === undefined && !problems.concern(path)) {
      problems.add({ kind: 'missing', path, expected: 'there with the hook "cgroup"', remedy: `Add ${key}.` })
    }
    if (hook !== undefined && hook !== 'cgroup' && value !== undefined) {
      const expected = `left out with the hook "${hook}"`
      problems.add({ kind: 'conflict', path, found: value, expected, remedy: 'Leave it out, or set hook = "cgroup".' })
    }
  }
  if (hook === 'clsact' && pin_path !== undefined) {
    const expected = 'left out with the hook "clsact", which has nothing to pin'
    problems.add({
      kind: 'conflict',
      path: ['rewrite', 'pin_path'],
      found: pin_path,
      expected,
      remedy: 'Leave it out.',
    })
  }
  if (learn === false && rules?.length === 0) {
    const expected = 'true where there are no rules'
    problems.add({ kind: 'conflict', path: ['rewrite', 'learn'], found: learn, expected, remedy: 'Add rules.' })
  }
  checkRewriteVips(parts, problems)
}

/** Most VIPs that `SourceRewrite` takes. */
const MOST_VIPS = 1024

function checkRewriteVips(parts: Parts, problems: Problems): void {
  const own = parts.rewrite?.vips
  const services = servicesOf(parts).flatMap(([, { vips }]) => entriesOf(vips).map(([, vip]) => vip))
  const vips = new Set((own === undefined ? services : entriesOf(own).map(([, vip]) => vip)).map(canonical))
  const path = ['rewrite', 'vips']
  if (vips.size === 0 && !problems.concern(path) && !problems.concern(['services'])) {
    problems.add({
      kind: 'missing',
      path,
      expected: 'there, since no service has VIPs',
      remedy: 'Add vips, or services.',
    })
  } else if (own === undefined && vips.size > MOST_VIPS) {
    const expected = `there: services have ${vips.size} VIPs, and ${MOST_VIPS} are the most`
    problems.add({ kind: 'missing', path, expected, remedy: 'List those that this host answers from.' })
  }
  if (problems.concern(path)) return
  for (const [i, rule] of entriesOf(parts.rewrite?.rules)) {
    if (rule.from === undefined || vips.has(canonical(rule.from))) continue
    problems.add({
      kind: 'reference',
      path: ['rewrite', 'rules', i, 'from'],
      found: rule.from,
      expected: 'one of the vips',
      remedy: 'Add it to vips, too.',
    })
  }
}
