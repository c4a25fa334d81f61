import { invalidArgValue, portsQuota } from '../../errors.js'

/** Ports that an owner may hold; undefined is no limit. */
export type Quota = (owner: string) => number | undefined

/** Who holds how many ports. Owners without any are forgotten. */
export class Owners {
  readonly #quota: Quota
  readonly #held = new Map<string, number>()

  constructor(quota: Quota) {
    this.#quota = quota
  }

  /** @throws PortsQuotaError ERR_PORTS_QUOTA, ArgumentTypeError when the quota is no number */
  checkQuota(owner: string, wanted: number): void {
    const limit = this.#quota(owner)
    if (limit === undefined) return
    if (typeof limit !== 'number' || !(limit >= 0)) {
      throw invalidArgValue('options.quota', 'must return a number >= 0, or undefined', limit)
    }
    const held = this.#held.get(owner) ?? 0
    if (held + wanted > limit) throw portsQuota(owner, held, limit, wanted)
  }

  add(owner: string): void {
    this.#held.set(owner, (this.#held.get(owner) ?? 0) + 1)
  }

  remove(owner: string): void {
    const held = (this.#held.get(owner) as number) - 1
    if (held === 0) this.#held.delete(owner)
    else this.#held.set(owner, held)
  }

  /** Ports held, by owner; any string can be a key. */
  byName(): Record<string, number> {
    return Object.fromEntries(this.#held)
  }
}
