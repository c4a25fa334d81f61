import { checkOptions, checkString } from '../../errors/checks.js'
import { invalidArgValue } from '../../errors.js'
import type { PortRange } from '../port-range.js'
import { runText } from './port-set.js'

/** Programs whose rules can be written. */
export type FirewallFormat = 'nftables' | 'iptables' | 'ufw'

/** Options of `toFirewall`. */
export interface FirewallOptions {
  /**
   * `'internal'` (default): the ports that sockets are bound to, for the host itself. `'external'`: those that clients
   * see (`externalOffset`), for a router or a cloud's firewall before it.
   */
  ports?: 'internal' | 'external'
  /** nftables: family and name of the table with the chain, default `inet filter`, as in Debian's nftables.conf. */
  table?: string
  /** nftables and iptables: the chain, default `input` and `INPUT`. A chain that is no base chain yet hooks into input. */
  chain?: string
}

const FORMATS = ['nftables', 'iptables', 'ufw']
const KNOWN = ['ports', 'table', 'chain'] satisfies (keyof FirewallOptions)[]

/** Ports that a multiport match takes; a range counts as two (iptables-extensions(8)). */
const MULTIPORT = 15
/** Ports of one rule of ufw(8), counted alike. */
const UFW_PORTS = 15

/** What is written behind each rule, so that an administrator sees where it comes from. */
const COMMENT = 'udp-dsr port window'

/** @throws ArgumentTypeError ERR_INVALID_ARG_VALUE, ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_OPTION */
export function firewallRules(
  format: FirewallFormat,
  runs: readonly PortRange[],
  externalOffset: number,
  options: FirewallOptions = {},
): string {
  if (!FORMATS.includes(format)) throw invalidArgValue('format', `must be one of ${FORMATS.join(', ')}`, format)
  checkOptions(options, KNOWN)
  const { ports = 'internal', table = 'inet filter', chain } = options
  if (ports !== 'internal' && ports !== 'external') {
    throw invalidArgValue('options.ports', "must be 'internal' or 'external'", ports)
  }
  checkName('options.table', table, /^(inet|ip|ip6) [A-Za-z_][\w.-]*$/, 'must be a family and a name: inet filter')
  if (chain !== undefined) checkName('options.chain', chain, /^[A-Za-z_][\w.-]*$/, 'must be the name of a chain')
  const offset = ports === 'external' ? externalOffset : 0
  const shifted = runs.map(([low, high]): PortRange => [low + offset, high + offset])
  if (format === 'nftables') return nftables(shifted, table, chain ?? 'input')
  if (format === 'iptables') return iptables(shifted, chain ?? 'INPUT')
  return ufw(shifted)
}

function checkName(name: string, value: unknown, form: RegExp, reason: string): void {
  checkString(name, value)
  if (!form.test(value)) throw invalidArgValue(name, reason, value)
}

/**
 * For `nft -f`. The rule goes into the chain that decides about input, and to its beginning: a rule in a table of our own
 * could not save a datagram that another chain drops (nft(8), verdict accept), and one at the end might stand behind a rule
 * that rejects the rest. Table and chain are made where they are not there yet.
 */
function nftables(runs: readonly PortRange[], table: string, chain: string): string {
  return `${[
    `add table ${table}`,
    `add chain ${table} ${chain} { type filter hook input priority filter; }`,
    `insert rule ${table} ${chain} udp dport { ${runs.map((run) => runText(run)).join(', ')} } accept comment "${COMMENT}"`,
  ].join('\n')}\n`
}

/** For a shell. */
function iptables(runs: readonly PortRange[], chain: string): string {
  const rules = chunks(runs, MULTIPORT).map(
    (some) => `-I ${chain} -p udp -m multiport --dports ${list(some)} -m comment --comment "${COMMENT}" -j ACCEPT`,
  )
  return `${rules.flatMap((rule) => [`iptables ${rule}`, `ip6tables ${rule}`]).join('\n')}\n`
}

/** For a shell. */
function ufw(runs: readonly PortRange[]): string {
  const rules = chunks(runs, UFW_PORTS).map(
    (some) => `ufw allow proto udp to any port ${list(some)} comment "${COMMENT}"`,
  )
  return `${rules.join('\n')}\n`
}

function list(runs: readonly PortRange[]): string {
  return runs.map((run) => runText(run, ':')).join(',')
}

/** Runs in groups of at most so many ports, where a range counts as two. */
function chunks(runs: readonly PortRange[], most: number): PortRange[][] {
  const groups: PortRange[][] = []
  let count = most
  for (const run of runs) {
    const weight = run[0] === run[1] ? 1 : 2
    if (count + weight > most) {
      groups.push([])
      count = 0
    }
    groups.at(-1)?.push(run)
    count += weight
  }
  return groups
}
