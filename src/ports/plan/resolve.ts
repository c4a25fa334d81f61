import { planConflict } from '../../errors.js'
import { type Claim, ownerText } from './claims.js'
import { PORTS } from './segments.js'

/** Stands where nobody owns a port. */
export const UNOWNED = -1

/**
 * Who gets each port: the claim whose entry has fewest ports. One walk over all ports with the claims that are open at
 * each, so that the work does not grow with the ports that claims overlap in.
 *
 * @returns for each of the 65,536 ports the place of its claim, or UNOWNED
 * @throws PortPlanError ERR_PORT_PLAN_CONFLICT when two owners are equally small somewhere, and nobody is smaller
 */
export function resolve(claims: readonly Claim[]): Int32Array {
  const opening = new Map<number, number[]>()
  const closing = new Map<number, number[]>()
  for (const [i, { range }] of claims.entries()) {
    put(opening, range[0], i)
    put(closing, range[1] + 1, i)
  }
  const table = new Int32Array(PORTS)
  const open = new OpenClaims(claims)
  let winner = UNOWNED
  for (let port = 0; port < PORTS; port++) {
    const starts = opening.get(port)
    const ends = closing.get(port)
    if (starts !== undefined || ends !== undefined) {
      for (const i of ends ?? []) open.remove(i)
      for (const i of starts ?? []) open.add(i)
      winner = open.smallest()
    }
    table[port] = winner
  }
  return table
}

/** The claims that are open at a port: by size, then by owner. */
class OpenClaims {
  readonly #claims: readonly Claim[]
  /** Sizes of open claims, ascending. */
  readonly #sizes: number[] = []
  readonly #bySize = new Map<number, Map<string, Set<number>>>()

  constructor(claims: readonly Claim[]) {
    this.#claims = claims
  }

  add(i: number): void {
    const { key, size } = this.#at(i)
    let owners = this.#bySize.get(size)
    if (owners === undefined) {
      owners = new Map()
      this.#bySize.set(size, owners)
      this.#sizes.splice(this.#placeOf(size), 0, size)
    }
    const same = owners.get(key)
    if (same === undefined) owners.set(key, new Set([i]))
    else same.add(i)
  }

  remove(i: number): void {
    const { key, size } = this.#at(i)
    const owners = this.#bySize.get(size) as Map<string, Set<number>>
    const same = owners.get(key) as Set<number>
    same.delete(i)
    if (same.size === 0) owners.delete(key)
    if (owners.size > 0) return
    this.#bySize.delete(size)
    this.#sizes.splice(this.#placeOf(size), 1)
  }

  /** The winner, or UNOWNED. */
  smallest(): number {
    const [size] = this.#sizes
    if (size === undefined) return UNOWNED
    const owners = [...(this.#bySize.get(size) as Map<string, Set<number>>).values()]
    const [winner, rival] = owners.map((claims) => claims.values().next().value as number)
    if (rival !== undefined) throw this.#conflict(winner as number, rival, size)
    return winner as number
  }

  #conflict(one: number, other: number, size: number): Error {
    const [a, b] = [one, other]
      .sort((i, j) => this.#at(i).index - this.#at(j).index)
      .map((i) => this.#claims[i] as Claim)
    const [first, second] = [a as Claim, b as Claim]
    const ports = [Math.max(first.range[0], second.range[0]), Math.min(first.range[1], second.range[1])] as const
    const rival = ({ owner }: Claim) => ({ where: owner.entry.where, owner: ownerText(owner) })
    return planConflict(rival(first), rival(second), ports, size)
  }

  #at(i: number): { key: string; size: number; index: number } {
    const { key, owner } = this.#claims[i] as Claim
    return { key, size: owner.entry.size, index: owner.entry.index }
  }

  /** First place in `#sizes` whose size is not below this one. */
  #placeOf(size: number): number {
    let low = 0
    let high = this.#sizes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sizes[middle] as number) < size) low = middle + 1
      else high = middle
    }
    return low
  }
}

function put(at: Map<number, number[]>, port: number, i: number): void {
  const list = at.get(port)
  if (list === undefined) at.set(port, [i])
  else list.push(i)
}
