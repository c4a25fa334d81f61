import { checkInteger, checkPortRange } from '../../errors/checks.js'
import { invalidArgType } from '../../errors.js'
import type { PortRange } from '../port-range.js'

/**
 * The ports of one range or of several, which may overlap.
 *
 * @returns in ascending order, each once
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ArgumentRangeError ERR_OUT_OF_RANGE
 */
export function portSet(
  name: string,
  given: PortRange | readonly PortRange[],
  excluded: readonly unknown[],
): Uint16Array {
  if (!Array.isArray(given) || given.length === 0) {
    throw invalidArgType(name, 'an array of two ports, [low, high], or several such', given)
  }
  const wanted = new Uint8Array(65536)
  if (Array.isArray(given[0])) {
    for (const [i, range] of given.entries()) mark(wanted, `${name}[${i}]`, range, 1)
  } else {
    mark(wanted, name, given, 1)
  }
  for (const [i, item] of excluded.entries()) {
    const itemName = `options.exclude[${i}]`
    if (Array.isArray(item)) {
      mark(wanted, itemName, item, 0)
    } else {
      checkInteger(itemName, item, 1, 65535)
      wanted[item as number] = 0
    }
  }
  const ports = new Uint16Array(wanted.reduce((sum, is) => sum + is, 0))
  let count = 0
  for (let port = 1; port <= 65535; port++) if (wanted[port] === 1) ports[count++] = port
  return ports
}

function mark(wanted: Uint8Array, name: string, range: unknown, as: 0 | 1): void {
  checkPortRange(name, range)
  wanted.fill(as, range[0], range[1] + 1)
}

/** The longest runs of ports that follow each other. @param ports in ascending order */
export function runsOf(ports: Uint16Array): PortRange[] {
  const runs: [number, number][] = []
  for (const port of ports) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === port - 1) last[1] = port
    else runs.push([port, port])
  }
  return runs
}

/** `50000-50099`, `50000`. */
export function runText([low, high]: PortRange, between = '-'): string {
  return low === high ? `${low}` : `${low}${between}${high}`
}
