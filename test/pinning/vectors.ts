import { readFileSync } from 'node:fs'
import type { Affinity, FlowEnd } from '../../src/pinning/flow-key.js'

/** A flow of test/vectors/pinning.json, with what every implementation must make of it. */
export interface FlowVector {
  client: FlowEnd
  local: FlowEnd
  affinity: Affinity
  /** 16 hexadecimal digits. */
  secret: string
  /** The canonical bytes, in hexadecimal. */
  key: string
  hash: number
  /** Slot by size of the table. */
  slots: Record<string, number>
}

interface Vectors {
  halfSipHash24: { vectors: { length: number; output: string }[] }
  flows: FlowVector[]
}

const path = new URL('../vectors/pinning.json', import.meta.url)
const vectors: Vectors = JSON.parse(readFileSync(path, 'utf8'))

export const flowVectors = vectors.flows
/** Secret 00 01 … 07, input 00 01 …; the output as it lies in memory. */
export const publishedVectors = vectors.halfSipHash24.vectors

/** A table of test/vectors/pinning-tables.json. */
export interface TableVector {
  kind: 'maglev' | 'bounded-rendezvous'
  size: number
  backends: { id: string; weight: number }[]
  digest: string
  /** For each slot the index of its backend among the ids in sorted order. */
  slots: number[]
  /** The backend of each of `flowVectors`. */
  picks: string[]
}

const tablesPath = new URL('../vectors/pinning-tables.json', import.meta.url)
export const tableVectors: readonly TableVector[] = JSON.parse(readFileSync(tablesPath, 'utf8'))

/** Ids in the order of their bytes in UTF-8. */
export const sortedIds = ({ backends }: TableVector): string[] =>
  backends.map(({ id }) => id).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
