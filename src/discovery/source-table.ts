import type { Member, MemberName } from './member.js'
import type { Provider, UnreadableMember, Update } from './provider.js'

export interface StaleSource {
  provider: string
  reason: Error
  since: Date
}

/** What one source has told, by pools and IDs. */
export class SourceTable {
  readonly name: string
  readonly #pools = new Map<string, Map<string, Member>>()
  /** Whether it has told all that it has. */
  known = false
  stale: StaleSource | undefined
  /** By pool and ID. */
  unreadable: readonly UnreadableMember[] = []

  constructor({ name }: Provider) {
    this.name = name
  }

  members(pool: string): ReadonlyMap<string, Member> | undefined {
    return this.#pools.get(pool)
  }

  /** @returns pools that may be different now */
  take(update: Update): ReadonlySet<string> {
    if (update.type === 'stale') {
      this.stale = { provider: this.name, reason: update.reason, since: update.since }
      return new Set()
    }
    this.stale = undefined
    const touched = new Set<string>()
    if (update.unreadable !== undefined) {
      // What becomes readable, or is gone, may be different, too.
      for (const { pool } of [...this.unreadable, ...update.unreadable]) touched.add(pool)
      this.unreadable = update.unreadable
    }
    if (update.type === 'snapshot') {
      this.known = true
      for (const pool of this.#pools.keys()) touched.add(pool)
      this.#pools.clear()
      for (const member of update.members) this.#put(member, touched)
      return touched
    }
    for (const name of update.removed) this.#remove(name, touched)
    for (const member of update.put) this.#put(member, touched)
    return touched
  }

  #put(member: Member, touched: Set<string>): void {
    const pool = this.#pools.get(member.pool) ?? new Map<string, Member>()
    this.#pools.set(member.pool, pool.set(member.id, member))
    touched.add(member.pool)
  }

  #remove({ pool, id }: MemberName, touched: Set<string>): void {
    const members = this.#pools.get(pool)
    if (!members?.delete(id)) return
    if (members.size === 0) this.#pools.delete(pool)
    touched.add(pool)
  }
}
