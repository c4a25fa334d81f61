import { hashOf, MemberDigest } from './digest.js'
import { canonical, type Member } from './member.js'

interface Kept {
  member: Member
  canonical: string
  hash: bigint
}

/** The members that count, sorted, with their digest. What has not changed is neither sorted nor hashed again. */
export class InForce {
  readonly #digest = new MemberDigest()
  readonly #kept = new Map<string, Map<string, Kept>>()
  readonly #sorted = new Map<string, readonly Member[]>()

  /** By pools, in the order of their names; members in that of their IDs. */
  get pools(): ReadonlyMap<string, readonly Member[]> {
    return new Map([...this.#sorted].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  get digest(): string {
    return this.#digest.toString()
  }

  members(pool: string): readonly Member[] {
    return this.#sorted.get(pool) ?? []
  }

  get(pool: string, id: string): Member | undefined {
    return this.#kept.get(pool)?.get(id)?.member
  }

  all(): Member[] {
    return [...this.pools.values()].flat()
  }

  /** Lets a pool have these members. @returns whether it is another one now */
  set(pool: string, members: ReadonlyMap<string, Member>): boolean {
    const before = this.#kept.get(pool) ?? new Map<string, Kept>()
    let changed = before.size !== members.size
    const after = new Map<string, Kept>()
    for (const [id, member] of members) {
      const known = before.get(id)
      if (known?.member === member) {
        after.set(id, known)
        continue
      }
      const text = canonical(member)
      if (known?.canonical === text) {
        after.set(id, { ...known, member })
        continue
      }
      changed = true
      if (known !== undefined) this.#digest.remove(known.hash)
      const kept = { member, canonical: text, hash: hashOf(text) }
      this.#digest.add(kept.hash)
      after.set(id, kept)
    }
    if (!changed) {
      if (after.size > 0) this.#kept.set(pool, after)
      return false
    }
    for (const [id, { hash }] of before) if (!after.has(id)) this.#digest.remove(hash)
    if (after.size === 0) {
      this.#kept.delete(pool)
      this.#sorted.delete(pool)
      return true
    }
    this.#kept.set(pool, after)
    const sorted = [...after.values()].map(({ member }) => member).sort((a, b) => (a.id < b.id ? -1 : 1))
    this.#sorted.set(pool, sorted)
    return true
  }
}
