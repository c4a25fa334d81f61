import { invalidArgType, invalidArgValue, missingArgument, unknownOption } from '../errors.js'
import type { Backend } from './backends.js'
import { AFFINITIES, type Affinity } from './flow-key.js'
import { readSecret } from './secret.js'
import { readKind, readSize, type TableKind } from './table.js'

export interface FlowPinnerOptions {
  /** Whom to choose from, in any order; at most 65,535, and at most `tableSize` that are up. */
  backends: readonly Backend[]
  /** Which flows go to the same backend: those that agree in the client's address; in its port, too; or in both ends. */
  affinity: Affinity
  /**
   * Key of the hash, the same on every edge: 8 bytes, or 16 hexadecimal digits. Take it from a good source of randomness
   * (`openssl rand -hex 8`) and keep it: who knows it can choose addresses that all meet at one backend.
   */
  secret: Uint8Array | string
  /** How the table is filled, default `bounded-rendezvous`. */
  table?: TableKind | undefined
  /** Slots of the table: a prime or a power of two, 2 – 2²⁰. Default 65536, for `maglev` 65537. */
  tableSize?: number | undefined
}

/** Options as the pinner uses them; the backends are read by each update. */
export interface PinnerSettings {
  affinity: Affinity
  key: [number, number]
  kind: TableKind
  size: number
}

const OPTIONS: readonly (keyof FlowPinnerOptions)[] = ['backends', 'affinity', 'secret', 'table', 'tableSize']

/** @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError ERR_OUT_OF_RANGE */
export function pinnerSettings(options: FlowPinnerOptions): PinnerSettings {
  if (options === undefined) throw missingArgument('options')
  if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options)
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name as keyof FlowPinnerOptions)) throw unknownOption(name, OPTIONS)
  }
  const { affinity, secret, table, tableSize } = options
  if (!AFFINITIES.includes(affinity)) {
    const known = AFFINITIES.map((name) => `'${name}'`).join(', ')
    throw invalidArgValue('options.affinity', `must be one of ${known}`, affinity)
  }
  const kind = readKind('options.table', table)
  return {
    affinity,
    key: readSecret('options.secret', secret),
    kind,
    size: readSize('options.tableSize', tableSize, kind),
  }
}
