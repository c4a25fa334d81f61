import { decode } from '../bpf/codec.js'
import type { BpfMap } from '../bpf/index.js'
import { Counter } from '../bpf/layouts.js'

/** What went one way. */
export interface Traffic {
  packets: number
  /** Of the IP packets as they came in. */
  bytes: number
}

/** An entry of a per-CPU map of `struct counter`, over all CPUs. */
export function trafficOf(map: BpfMap, index: number): Traffic {
  const total = { packets: 0, bytes: 0 }
  for (const value of map.lookupPerCpu(Uint32Array.of(index))) {
    const { packets, bytes } = decode(Counter, value)
    total.packets += Number(packets)
    total.bytes += Number(bytes)
  }
  return total
}

/** Lets an entry of such a map begin at 0. */
export function clearCounters(map: BpfMap, index: number): void {
  map.update(Uint32Array.of(index), new Uint8Array(map.copies * map.valueBytes))
}
