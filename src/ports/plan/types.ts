/** A port range and who owns it: the keys of `[[services.ports]]`, in TOML and as an object. */
export interface PortPlanEntry {
  /** Regions whose nodes own the ports, at least one. Either this or `nodes`. */
  regions?: readonly string[]
  /** Nodes that own the ports, at least one. Either this or `regions`. */
  nodes?: readonly string[]
  /** Default: that of the service, else `'udp'`. Entries for `'tcp'` are left alone. */
  protocol?: string
  /** First port, 0–65535; with `port_end`. Either these two or `port_mask`. */
  port_start?: number | bigint
  /** Last port, which belongs to the range; `port_start`–65535. */
  port_end?: number | bigint
  /**
   * Blocks of 1024 ports: bit i, 0–63, is ports i·1024 to i·1024 + 1023. A BigInt, text (`'0xe000_0000_0000_0000'`,
   * also `0b`, `0o` and decimal, with underscores), or a number up to 2⁵³ − 1, beyond which numbers are not exact.
   */
  port_mask?: bigint | string | number
  /**
   * Nodes among which the range of the one region is divided: names, for equal shares in this order, or a weight
   * (integer, 1–65535) by name, for shares in order of name.
   */
  per_node?: readonly string[] | Readonly<Record<string, number | bigint>>
}

/** A plan as an object: a whole fly.toml as JSON, for instance. What is no plan in it is left alone. */
export interface PortPlanObject {
  services?: PortPlanService | readonly PortPlanService[]
  ports?: readonly (PortPlanEntry | Readonly<Record<string, unknown>>)[]
  readonly [other: string]: unknown
}

/** A service: its `ports`, and the protocol of those that have none. */
export interface PortPlanService {
  protocol?: string
  ports?: readonly (PortPlanEntry | Readonly<Record<string, unknown>>)[]
  readonly [other: string]: unknown
}

/** Who owns ports. */
export interface PlanOwner {
  /** Regions in order of name; empty when only nodes are named. */
  readonly regions: readonly string[]
  /** Nodes in order of name; empty when every node of `regions` may have the ports. */
  readonly nodes: readonly string[]
}

/** Who owns a port, and by which entry. */
export interface PortOwner extends PlanOwner {
  readonly entry: PlannedEntry
}

/** An entry as the plan understood it. */
export interface PlannedEntry {
  /** Place among the plan's entries, from 0. */
  readonly index: number
  /** Where it stands: `line 12`, or `services[0].ports[2]` of an object. */
  readonly where: string
  /** Number of its ports, by which it competes with others: the smaller wins. */
  readonly size: number
  /** What it says, in the plan's own words; may be passed to `new PortPlan`. */
  readonly definition: Readonly<PortPlanEntry>
}

/** A name, or, where a region and a node have the same, which of them is meant. */
export type PlanName = string | { readonly region: string } | { readonly node: string }

/** An aligned power-of-two run of ports with one owner. */
export interface PlanBlock {
  /** First port, a multiple of `length`. */
  readonly start: number
  /** Number of ports: 1, 2, 4 … 65536. */
  readonly length: number
  readonly owner: PlanOwner
}
