// Prints pinning-tables.json: tables, and the backends that the flows of pinning.json lead to in them.
//
//   node --import tsx test/vectors/pinning-tables.ts > test/vectors/pinning-tables.json
//
// The file is written once and then kept: edges of different versions choose alike only as long as tables stay the same.

import { buildTable, type TableKind } from '../../src/pinning/table.js'
import { flowVectors } from '../pinning/vectors.js'

const backends = [
  { id: 'alpha', weight: 1 },
  { id: 'beta', weight: 2 },
  { id: 'gamma', weight: 3 },
  { id: 'delta', weight: 0 },
  { id: 'épsilon', weight: 1 },
]
const TABLES: readonly { kind: TableKind; size: number }[] = [
  { kind: 'maglev', size: 251 },
  { kind: 'bounded-rendezvous', size: 256 },
]

const tables = TABLES.map(({ kind, size }) => {
  const { digest, slots, backends: sorted } = buildTable({ kind, size, backends })
  const picks = flowVectors.map(({ hash }) => sorted[slots[Number((BigInt(hash) * BigInt(size)) >> 32n)]!]!.id)
  return { kind, size, backends, digest, slots: [...slots], picks }
})
const lines = tables.map((table) => {
  const fields = Object.entries(table).map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
  return `  {\n${fields.join(',\n')}\n  }`
})
console.log(`[\n${lines.join(',\n')}\n]`)
