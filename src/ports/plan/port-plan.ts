import { checkInteger, checkString } from '../../errors/checks.js'
import { invalidArgType } from '../../errors.js'
import type { PortRange } from '../port-range.js'
import { type Claim, claimsOf } from './claims.js'
import { readDocument } from './document.js'
import { type Located, locatedObject } from './located.js'
import { findName, has, sharers } from './names.js'
import { print } from './print.js'
import { type RenderOptions, type RenderTarget, render } from './render/index.js'
import { resolve } from './resolve.js'
import { blocksOf, PORTS, runsOf, type Segment } from './segments.js'
import { drawSvg, type SvgOptions } from './svg.js'
import { drawText, type TextOptions } from './terminal.js'
import { locatedToml } from './toml.js'
import type { PlanBlock, PlanName, PlannedEntry, PlanOwner, PortOwner, PortPlanEntry, PortPlanObject } from './types.js'

/**
 * Which region or node owns which UDP ports of an address that many share.
 *
 * ```js
 * const plan = PortPlan.parse(await readFile('fly.toml', 'utf8'))
 * plan.owner(12_345)               // { regions: ['sea'], nodes: [], entry }
 * plan.windows('sea')              // [[10000, 19999]]
 * plan.render('livekit', 'sea')    // what its LiveKit must be told
 * ```
 *
 * Where ranges overlap the smallest wins. What no entry has follows the default: `owner` is undefined there. A plan does
 * not change.
 */
export class PortPlan {
  /** The entries, in the plan's order. */
  readonly entries: readonly PlannedEntry[]
  /** All regions that are named, in order of name. */
  readonly regions: readonly string[]
  /** All nodes that are named, in order of name. */
  readonly nodes: readonly string[]
  readonly #claims: readonly Claim[]
  /** For each port the place of the claim that it follows. */
  readonly #table: Int32Array

  /**
   * @param plan TOML text, as `PortPlan.parse` takes it; an array of entries; or an object with `ports`, or with `services`
   * that have them, as a fly.toml has
   * @throws PortPlanError ERR_PORT_PLAN_SYNTAX, ERR_PORT_PLAN_ENTRY, ERR_PORT_PLAN_RANGE, ERR_PORT_PLAN_SHARES,
   * ERR_PORT_PLAN_CONFLICT; ArgumentTypeError ERR_INVALID_ARG_TYPE
   */
  constructor(plan: string | PortPlanObject | readonly PortPlanEntry[]) {
    this.entries = Object.freeze(readDocument(locate(plan)))
    this.#claims = claimsOf(this.entries)
    this.#table = resolve(this.#claims)
    this.regions = names(this.#claims.flatMap(({ owner }) => owner.regions))
    this.nodes = names(this.#claims.flatMap(({ owner }) => owner.nodes))
  }

  /**
   * Reads TOML: a plan, or a whole fly.toml with one in it.
   *
   * @throws what the constructor throws
   */
  static parse(toml: string): PortPlan {
    checkString('toml', toml)
    return new PortPlan(toml)
  }

  /**
   * Who owns a port; undefined when nobody does, and it follows the default. One look into a table.
   *
   * @param port 0–65535
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE; ArgumentRangeError ERR_OUT_OF_RANGE
   */
  owner(port: number): PortOwner | undefined {
    checkInteger('port', port, 0, PORTS - 1)
    return this.#claims[this.#table[port] as number]?.owner
  }

  /**
   * The runs of ports that a region (with all its nodes) or a node may use, ascending, shared ones among them. Empty when
   * smaller ranges of others have taken all. Port 0 is left out: nothing can be bound to it.
   *
   * @throws PortPlanError ERR_PORT_PLAN_OWNER; ArgumentTypeError ERR_INVALID_ARG_TYPE
   */
  windows(name: PlanName): PortRange[] {
    const named = findName(name, this.regions, this.nodes)
    return this.#runs((owner) => owner !== undefined && has(named, owner))
  }

  /**
   * The fewest aligned power-of-two blocks with one owner each, in order of ports, for a data plane that looks ports up in
   * a hash table: the block of `length` 2ᵏ with a port begins at `port & -length`. Entries of the same owner make common
   * blocks. Unowned ports have none.
   */
  blocks(): PlanBlock[] {
    return blocksOf(this.#segments())
  }

  /**
   * What a program must be told so that it uses this node's ports: see `RenderTarget`. Programs that take one range get
   * the longest window, with a comment about the others.
   *
   * @param node or a region that is not divided among nodes; `nftables` and `fly` take divided ones too
   * @throws PortPlanError ERR_PORT_PLAN_OWNER, ERR_PORT_PLAN_TARGET; ArgumentTypeError ERR_INVALID_ARG_TYPE,
   * ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION
   */
  render<Target extends RenderTarget>(target: Target, node: PlanName, options?: RenderOptions[Target]): string {
    const named = findName(node, this.regions, this.nodes)
    const mine = (owner: PlanOwner | undefined) => owner !== undefined && has(named, owner)
    const owners = [...this.#owners().values()].filter(mine)
    return render(target, options, {
      named,
      windows: this.#runs(mine),
      others: this.#runs((owner) => owner !== undefined && !mine(owner)),
      nodes: named.kind === 'region' ? names(owners.flatMap(({ nodes }) => nodes)) : [],
      sharedWith: ([low]) => sharers(named, this.owner(low) as PortOwner),
    })
  }

  /** The plan as TOML, always in the same form; reading it gives the same plan. */
  toString(): string {
    return print(this.entries)
  }

  /**
   * A picture of all ports by owner, as an SVG document of its own: 64 rows of 1024 ports, the blocks of a mask.
   *
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_OPTION
   */
  toSVG(options: SvgOptions = {}): string {
    return drawSvg(this.#segments(), options)
  }

  /**
   * A picture of all ports by owner, for a terminal.
   *
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_OPTION; ArgumentRangeError ERR_OUT_OF_RANGE
   */
  toText(options: TextOptions = {}): string {
    return drawText(this.#segments(), options)
  }

  #runs(wanted: (owner: PlanOwner | undefined) => boolean): PortRange[] {
    const of = (port: number) => wanted(this.#ownerAt(port))
    const runs = runsOf((port, before) => of(port) === of(before)).filter(([low]) => of(low))
    return runs.map(([low, high]): PortRange => [Math.max(low, 1), high]).filter(([low, high]) => low <= high)
  }

  /** Runs of ports with one owner, of the default too; all of them together are all ports. */
  #segments(): Segment[] {
    const owners = this.#owners()
    const key = (port: number) => this.#claims[this.#table[port] as number]?.key
    return runsOf((port, before) => key(port) === key(before)).map((range) => {
      const text = key(range[0])
      return { range, owner: text === undefined ? undefined : owners.get(text) }
    })
  }

  /** Who owns any port, by key. */
  #owners(): Map<string, PlanOwner> {
    const owners = new Map<string, PlanOwner>()
    for (const i of new Set(this.#table)) {
      const claim = this.#claims[i]
      if (claim === undefined || owners.has(claim.key)) continue
      const { regions, nodes } = claim.owner
      owners.set(claim.key, Object.freeze({ regions, nodes }))
    }
    return owners
  }

  #ownerAt(port: number): PortOwner | undefined {
    return this.#claims[this.#table[port] as number]?.owner
  }
}

function locate(plan: unknown): Located {
  if (typeof plan === 'string') return locatedToml(plan)
  if (plan === null || typeof plan !== 'object') {
    throw invalidArgType('plan', 'TOML text, an object or an array of entries', plan)
  }
  return Array.isArray(plan) ? locatedObject('plan', plan) : locatedObject('the plan', plan, '')
}

/** Each once, in order. */
function names(all: readonly string[]): readonly string[] {
  return Object.freeze([...new Set(all)].sort())
}
