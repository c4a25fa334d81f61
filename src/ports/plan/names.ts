import { nearest } from '../../errors/nearest.js'
import { invalidArgType, planOwner } from '../../errors.js'
import type { PlanName, PlanOwner } from './types.js'

/** A name that the plan has, with its kind. */
export interface Named {
  readonly kind: 'region' | 'node'
  readonly name: string
}

/**
 * @throws PortPlanError ERR_PORT_PLAN_OWNER when the plan does not have the name, or has it for a region and a node;
 * ArgumentTypeError ERR_INVALID_ARG_TYPE
 */
export function findName(asked: PlanName, regions: readonly string[], nodes: readonly string[]): Named {
  if (typeof asked === 'string') {
    const [isRegion, isNode] = [regions.includes(asked), nodes.includes(asked)]
    if (isRegion && isNode) {
      const which = `{ region: ${JSON.stringify(asked)} } or { node: ${JSON.stringify(asked)} }`
      throw planOwner(asked, 'is a region and a node of this plan', `Ask for ${which}`)
    }
    if (isRegion) return { kind: 'region', name: asked }
    if (isNode) return { kind: 'node', name: asked }
    throw unknownName(asked, 'is neither region nor node of this plan', [...new Set([...regions, ...nodes])])
  }
  const { kind, name } = ofKind(asked)
  const names = kind === 'region' ? regions : nodes
  if (names.includes(name)) return { kind, name }
  throw unknownName(name, `is no ${kind} of this plan`, names)
}

/** Whether an owner is this region or node, or has it among others. */
export function has({ kind, name }: Named, owner: PlanOwner): boolean {
  return owner[kind === 'region' ? 'regions' : 'nodes'].includes(name)
}

/** Whom else an owner of these ports has beside the one that is named. */
export function sharers({ kind, name }: Named, { regions, nodes }: PlanOwner): readonly string[] {
  return (kind === 'node' ? nodes : regions).filter((other) => other !== name)
}

function ofKind(asked: unknown): Named {
  const expected = 'a name, { region: name } or { node: name }'
  if (asked === null || typeof asked !== 'object') throw invalidArgType('name', expected, asked)
  const { region, node } = asked as { region?: unknown; node?: unknown }
  if (typeof region === 'string' && node === undefined) return { kind: 'region', name: region }
  if (typeof node === 'string' && region === undefined) return { kind: 'node', name: node }
  throw invalidArgType('name', expected, asked)
}

function unknownName(name: string, problem: string, names: readonly string[]): Error {
  const meant = nearest(name, names)
  if (meant !== undefined) return planOwner(name, problem, `Did you mean "${meant}"?`)
  return planOwner(name, problem, names.length === 0 ? 'It has none' : `It has ${names.join(', ')}`)
}
