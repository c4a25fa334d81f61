import { checkString } from '../../../errors/checks.js'
import { invalidArgValue } from '../../../errors.js'
import type { PortRange } from '../../port-range.js'
import { comment, type RenderInput, refuseEmpty, span } from './window.js'

/** Options of `render('nftables', …)`. */
export interface NftablesOptions {
  /** Name of the table, of letters, digits and underscores. Default `udp_dsr_ports`. */
  table?: string
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * A table for `nft -f`, which replaces an earlier one of its name: the node's own ports are let in, those of others
 * dropped, and all else is left to the other tables (nft(8)). What a socket of this host has asked for comes in whatever
 * its port, as the kernel gives out ports without knowing the plan.
 *
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; PortPlanError ERR_PORT_PLAN_OWNER
 */
export function nftables(input: RenderInput, { table = 'udp_dsr_ports' }: NftablesOptions): string {
  refuseEmpty(input)
  checkString('options.table', table)
  if (!NAME.test(table)) throw invalidArgValue('options.table', 'must be letters, digits and underscores', table)
  const { named, windows, others } = input
  const notes = [`${named.kind === 'region' ? 'Region' : 'Node'} ${named.name}: its UDP ports, and those of others.`]
  const drop = others.length === 0 ? '' : '\t\tudp dport @others ct state new drop\n'
  return (
    `${comment('#', notes)}table inet ${table}\ndelete table inet ${table}\ntable inet ${table} {\n` +
    set('own', windows) +
    (others.length === 0 ? '' : set('others', others)) +
    `\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n` +
    `\t\tudp dport @own accept\n${drop}\t}\n}\n`
  )
}

function set(name: string, ranges: readonly PortRange[]): string {
  const elements = ranges.map(span).join(',\n\t\t\t')
  return `\tset ${name} {\n\t\ttype inet_service\n\t\tflags interval\n\t\telements = {\n\t\t\t${elements}\n\t\t}\n\t}\n\n`
}
