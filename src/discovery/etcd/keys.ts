import type { MemberName } from '../member.js'

/**
 * Where things are in etcd:
 *
 * - `<prefix>/pools/<pool>/<id>`: a member, `{ "address": "10.0.0.7", "weight": 1, "state": "up", "serverId": "c46e" }`; all but
 *   the address may be left out. Under a lease where it is alive only while its process is.
 * - `<prefix>/edges/<name>`: what an edge follows, `{ "digest": "…" }`, under the edge's lease.
 */
export const poolsBelow = (prefix: string) => `${prefix}/pools/`
export const edgesBelow = (prefix: string) => `${prefix}/edges/`

export const memberKey = (prefix: string, { pool, id }: MemberName) => `${poolsBelow(prefix)}${pool}/${id}`

/** Whose key it is; undefined when it cannot be a member's. */
export function memberOfKey(prefix: string, key: string): MemberName | undefined {
  const [pool, id, ...rest] = key.slice(poolsBelow(prefix).length).split('/')
  return pool && id && rest.length === 0 ? { pool, id } : undefined
}

export const base64 = (text: string) => Buffer.from(text).toString('base64')
export const fromBase64 = (text: string) => Buffer.from(text, 'base64').toString()

/** The first key behind all that begin with a text. */
export function endOf(prefix: string): string {
  const bytes = Buffer.from(prefix)
  bytes[bytes.length - 1]! += 1
  return bytes.toString('base64')
}
