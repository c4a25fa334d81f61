import { createHash } from 'node:crypto'

/** A member of a pool as the floor sees it. */
export interface Floored {
  readonly id: string
  /** Of `rankOf`. */
  readonly rank: number
  /** Written by `Floor` alone: it should be out, and the floor keeps it in. */
  kept: boolean
}

/** A product such as 0.07 × 100 is a little above the whole number that is meant. */
const ROUNDING = 1e-9

/** How many of a pool's backends stay in, whatever their checks say: `share` of them, rounded up, and always one. */
export function leastIn(size: number, share: number): number {
  return Math.min(size, Math.max(1, Math.ceil(size * share - ROUNDING)))
}

/**
 * A place among the backends of a pool, 0 – 2⁴⁸−1: the first 48 bits of the SHA-256 of pool and id. The same on every edge, and
 * without relation to the order of names, in which neighbours often share a rack.
 */
export function rankOf(pool: string, id: string): number {
  return createHash('sha256')
    .update(JSON.stringify([pool, id]))
    .digest()
    .readUIntBE(0, 6)
}

/**
 * The floor of one pool: of the backends that should be out, those of the lowest rank stay in, as many as it takes. This depends
 * on the set of them alone and not on who fell first, so that edges that see the same failures keep the same ones. A fall or a rise
 * moves at most one other backend.
 */
export class Floor<Member extends Floored> {
  /** Those that should be out, by rank; the first `#kept` of them stay in. */
  #out: Member[] = []
  #kept = 0
  #size = 0
  #share = 0

  /** Backends that are in although they should not be. */
  get kept(): number {
    return this.#kept
  }

  /** Backends that should be out, those that are kept included. */
  get wanted(): number {
    return this.#out.length
  }

  /**
   * Sets how large the pool is, and the share of it that stays in, 0–1.
   *
   * @returns members whose `kept` changed
   */
  resize(size: number, share: number): Member[] {
    this.#size = size
    this.#share = share
    return this.#settle()
  }

  /** A member should be out. @returns members whose `kept` changed, itself included */
  add(member: Member): Member[] {
    const at = this.#place(member)
    this.#out.splice(at, 0, member)
    member.kept = at < this.#kept
    if (!member.kept) return this.#settle()
    this.#kept++
    return [member, ...this.#settle()]
  }

  /** A member may be in, or is gone. @returns other members whose `kept` changed */
  delete(member: Member): Member[] {
    this.#out.splice(this.#place(member), 1)
    if (member.kept) this.#kept--
    member.kept = false
    return this.#settle()
  }

  #settle(): Member[] {
    const changed: Member[] = []
    const kept = Math.max(0, this.#out.length - (this.#size - leastIn(this.#size, this.#share)))
    for (; this.#kept < kept; this.#kept++) changed.push(mark(this.#out[this.#kept]!, true))
    for (; this.#kept > kept; this.#kept--) changed.push(mark(this.#out[this.#kept - 1]!, false))
    return changed
  }

  /** Where the member is, or belongs. */
  #place(member: Member): number {
    let low = 0
    let high = this.#out.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (before(this.#out[middle]!, member)) low = middle + 1
      else high = middle
    }
    return low
  }
}

function mark<Member extends Floored>(member: Member, kept: boolean): Member {
  member.kept = kept
  return member
}

function before(a: Floored, b: Floored): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.id < b.id)
}
