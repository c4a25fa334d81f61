// The edge's program with options against its model, in a network namespace that is gone with it.
//
//   unshare --net node --import tsx test/bpf/edge/options-in-namespace.ts SEED PACKETS
//
// Prints what was compared, as JSON.
import { compareOptions, type Printed } from './compare-options.js'
import { makeNetwork } from './network.js'

/** More of them say no more. */
const MOST_MISMATCHES = 10

const [seed, packets] = process.argv.slice(2).map(Number) as [number, number]
makeNetwork()
const { outcomes, mismatches } = compareOptions(seed, packets)
const printed: Printed = { outcomes: [...outcomes], mismatches: mismatches.slice(0, MOST_MISMATCHES) }
console.log(JSON.stringify(printed))
