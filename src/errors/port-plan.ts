import { UdpDsrError } from './base.js'

/** Codes of `PortPlanError`. */
export const PORT_PLAN_CODES = [
  'ERR_PORT_PLAN_SYNTAX',
  'ERR_PORT_PLAN_ENTRY',
  'ERR_PORT_PLAN_RANGE',
  'ERR_PORT_PLAN_SHARES',
  'ERR_PORT_PLAN_CONFLICT',
  'ERR_PORT_PLAN_OWNER',
  'ERR_PORT_PLAN_TARGET',
] as const

export type PortPlanCode = (typeof PORT_PLAN_CODES)[number]

/** A plan of ports that cannot be read, contradicts itself, or does not have what was asked of it. */
export class PortPlanError extends UdpDsrError {
  readonly code: PortPlanCode
  /** The places in the plan that the message is about: `line 12`, or `services[0].ports[2]` of an object. */
  readonly where: readonly string[]
  constructor(code: PortPlanCode, message: string, where: readonly string[] = [], options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.where = where
  }
}

/** @param cause what the TOML parser threw */
export function planSyntax(line: number, column: number, cause: Error): PortPlanError {
  const message =
    `The plan is no TOML: line ${line}, column ${column}: ${cause.message}. ` +
    'https://toml.io shows the syntax; objects go to new PortPlan(…)'
  return new PortPlanError('ERR_PORT_PLAN_SYNTAX', message, [`line ${line}`], { cause })
}

/**
 * Something about an entry that is no plan.
 *
 * @param problem what is wrong, with the value
 * @param remedy a sentence
 */
export function planEntry(where: string, problem: string, remedy: string): PortPlanError {
  return new PortPlanError('ERR_PORT_PLAN_ENTRY', `${placed(where)}: ${problem}. ${remedy}`, [where])
}

/** Ports that do not exist, or a range or mask with none. */
export function planRange(where: string, problem: string, remedy: string): PortPlanError {
  return new PortPlanError('ERR_PORT_PLAN_RANGE', `${placed(where)}: ${problem}. ${remedy}`, [where])
}

/**
 * @param ports that there are to divide
 * @param node that would get none
 */
export function planShares(where: string, ports: number, nodes: number, node: string): PortPlanError {
  const message =
    `${placed(where)}: ${ports} ports divided among ${nodes} nodes leave none for "${node}". ` +
    'Widen the range, raise its weight, or take nodes out of per_node'
  return new PortPlanError('ERR_PORT_PLAN_SHARES', message, [where])
}

/** One side of a conflict: where it stands, and the owner as the plan writes it. */
export interface Rival {
  where: string
  owner: string
}

/**
 * Two owners claim the same ports with equally small ranges, and nothing smaller decides.
 *
 * @param ports first and last that both claim
 * @param size ports of either entry
 */
export function planConflict(a: Rival, b: Rival, ports: readonly [number, number], size: number): PortPlanError {
  const [first, last] = ports
  const which = first === last ? `port ${first}` : `ports ${first} to ${last}`
  const message =
    `${placed(a.where)} (${a.owner}) and ${b.where} (${b.owner}) both claim ${which}, each with a range of ${size} ports. ` +
    'The smaller range wins, and neither is: move or shrink one of them, or give both the same owner'
  return new PortPlanError('ERR_PORT_PLAN_CONFLICT', message, [a.where, b.where])
}

/** @param problem what fits after the quoted name: `is neither region nor node of this plan` */
export function planOwner(name: string, problem: string, remedy: string): PortPlanError {
  return new PortPlanError('ERR_PORT_PLAN_OWNER', `"${name}" ${problem}. ${remedy}`)
}

/** What a program that is to be configured cannot take. */
export function planTarget(target: string, problem: string, remedy: string): PortPlanError {
  return new PortPlanError('ERR_PORT_PLAN_TARGET', `${target}: ${problem}. ${remedy}`)
}

function placed(where: string): string {
  return where.startsWith('line ') ? `Line ${where.slice(5)}` : where
}
