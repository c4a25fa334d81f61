import { planRange } from '../../errors.js'
import type { PortRange } from '../port-range.js'
import { type Located, shown } from './located.js'

/** Ports of a bit. */
export const MASK_BLOCK = 1024
const BITS = 64
const WRITTEN = /^(0x[0-9a-f]+|0o[0-7]+|0b[01]+|[0-9]+)$/i
const FORM = 'Write one of 64 bits, of which bit i is ports i·1024 to i·1024 + 1023: 0x0000_0000_0000_ffff'

/** @throws PortPlanError ERR_PORT_PLAN_RANGE */
export function readMask({ where, value }: Located): bigint {
  const mask = toBigInt(where, value)
  if (mask === undefined) throw planRange(where, `port_mask ${shown(value)} is no mask`, FORM)
  if (mask === 0n) throw planRange(where, 'port_mask 0 has no ports', FORM)
  if (mask < 0n || mask >> BigInt(BITS) !== 0n) {
    throw planRange(where, `port_mask ${written(mask)} has bits beyond the 64 of all ports`, FORM)
  }
  return mask
}

function toBigInt(where: string, value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number' && Number.isInteger(value)) {
    if (Number.isSafeInteger(value)) return BigInt(value)
    const remedy = 'Write it as a BigInt (0xe000_0000_0000_0000n) or as text ("0xe000_0000_0000_0000")'
    throw planRange(where, `port_mask ${BigInt(value)} is a number beyond 2⁵³ − 1, where its low bits are lost`, remedy)
  }
  if (typeof value !== 'string') return undefined
  const digits = value.trim().replaceAll('_', '')
  return WRITTEN.test(digits) ? BigInt(digits) : undefined
}

/** As the plan writes masks: `0xe000_0000_0000_0000`. */
export function written(mask: bigint): string {
  if (mask < 0n) return mask.toString()
  const digits = mask.toString(16).padStart(16, '0')
  return `0x${digits.replace(/(?!^)(?=(?:.{4})+$)/g, '_')}`
}

/** The runs of ports of a mask, in order, with the longest that there are. */
export function maskRuns(mask: bigint): PortRange[] {
  const runs: PortRange[] = []
  let from = -1
  for (let bit = 0; bit <= BITS; bit++) {
    const set = (mask >> BigInt(bit)) & 1n
    if (set === 1n && from < 0) from = bit
    if (set === 0n && from >= 0) {
      runs.push([from * MASK_BLOCK, bit * MASK_BLOCK - 1])
      from = -1
    }
  }
  return runs
}
