/** A run of ports, both ends included; 1 ≤ low ≤ high ≤ 65535. */
export type PortRange = readonly [low: number, high: number]

/** How many ports a range has. */
export function portsIn([low, high]: PortRange): number {
  return high - low + 1
}
