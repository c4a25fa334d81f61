import type { Loose } from '../lenient.js'
import type { Problems } from '../problems.js'
import type { DiscoverySection } from '../sections.js'
import { entriesOf, type Parts, poolsOf } from './parts.js'

type Etcd = Loose<Extract<DiscoverySection, { type?: 'etcd' }>>

/** What sources of members need. */
export function checkDiscovery(parts: Parts, problems: Problems): void {
  const used = new Set([...poolsOf(parts).values()].flatMap((pool) => pool?.discover ?? []))
  for (const [name, source] of Object.entries(parts.discovery ?? {})) {
    if (!used.has(name)) {
      problems.warn({
        kind: 'unused',
        path: ['discovery', name],
        says: 'a source of no pool',
        expected: 'in discover of a pool',
        remedy: 'Leave it out, or name it there.',
        at: 'key',
      })
    }
    if (source?.type === 'etcd') checkEtcd(name, source, problems)
  }
}

function checkEtcd(name: string, { endpoints, user, password, tls }: Etcd, problems: Problems): void {
  const path = ['discovery', name]
  const one = (key: string, other: string) => ({
    kind: 'missing' as const,
    path: [...path, ...key.split('.')],
    expected: `there, since ${other} is`,
    remedy: `Add ${key}, or leave ${other} out.`,
  })
  if (user !== undefined && password === undefined) problems.add(one('password', 'user'))
  if (user === undefined && password !== undefined) problems.add(one('user', 'password'))
  if (tls?.key !== undefined && tls.cert === undefined) problems.add(one('tls.cert', 'tls.key'))
  if (tls?.cert !== undefined && tls.key === undefined) problems.add(one('tls.key', 'tls.cert'))
  const plain = entriesOf(endpoints).filter(([, endpoint]) => endpoint.startsWith('http:'))
  for (const [i, endpoint] of plain) {
    if (tls !== undefined) {
      const expected = 'an address with https, since there is tls'
      problems.add({
        kind: 'conflict',
        path: [...path, 'endpoints', i],
        found: endpoint,
        expected,
        remedy: 'Write https, or leave tls out.',
      })
    } else if (password !== undefined) {
      const expected = 'an address with https: the password is sent in the clear'
      problems.warn({
        kind: 'exposed',
        path: [...path, 'endpoints', i],
        found: endpoint,
        expected,
        remedy: 'Set up TLS.',
      })
    }
  }
}
