// Measures how long it takes to find a backend, and prints the result: lookup.mjs numbers|texts BACKENDS ROUNDS MILLISECONDS FLOW_PICK
import { fromReadyKeys, fromTexts, makePinner } from './contenders.mjs'
import { FLOWS, makeKeys } from './keys.mjs'
import { NativePick } from './native.mjs'

/** Calls between two looks at the clock, but for those that are so slow that one slice takes this many milliseconds. */
const SLICE = FLOWS
const LONGEST_SLICE_MS = 20
/** Flows that quality is judged by. */
const JUDGED = 100_000

/** What the loops gave, so that no compiler finds them useless. */
let kept = 0

/** Nanoseconds a call: the median of short slices, so that what interrupts some of them does not count. */
async function time(run, milliseconds, slice) {
  const slices = []
  for (let left = milliseconds * 1e6; left > 0; ) {
    const nanoseconds = await run(slice)
    slices.push(nanoseconds / slice)
    left -= nanoseconds
  }
  return slices.sort((a, b) => a - b)[slices.length >> 1]
}

function inNode({ loop }) {
  return (count) => {
    const before = process.hrtime.bigint()
    kept += loop(count)
    return Number(process.hrtime.bigint() - before)
  }
}

/** Calls that take no longer than a slice may. */
async function sliceOf(run) {
  await run(100)
  const each = (await run(100)) / 100
  return Math.max(10, Math.min(SLICE, Math.floor((LONGEST_SLICE_MS * 1e6) / each)))
}

/** How even the shares of 100,000 flows are, and how many of them two instances send to different backends. */
function judge({ pick, pickAgain }, count) {
  const shares = new Map()
  let disagreements = 0
  for (let i = 0; i < JUDGED; i++) {
    const hash = Math.imul(i + 1, 0x9e3779b1) >>> 0
    const address = `${1 + (hash >>> 25)}.${(hash >>> 17) & 255}.${(hash >>> 9) & 255}.${(hash >>> 1) & 255}`
    const flow = { client: { address, port: 1024 + (i % 60000) }, local: { address: '198.51.100.2', port: 443 } }
    const backend = pick(flow)
    shares.set(backend, (shares.get(backend) ?? 0) + 1)
    if (pickAgain && pickAgain(flow) !== backend) disagreements++
  }
  return { maxOverMean: (Math.max(...shares.values()) * count) / JUDGED, disagreements: disagreements / JUDGED }
}

const [form, backends, rounds, milliseconds, program] = process.argv.slice(2)
const count = Number(backends)
const keys = makeKeys()
const contenders = (form === 'numbers' ? fromReadyKeys : fromTexts)(keys, count)
const runs = contenders.map((contender) => ({ ...contender, run: inNode(contender) }))

let wrongSums = 0
const native = form === 'numbers' ? new NativePick(program, keys, makePinner(keys, count).table.slots) : undefined
if (native) {
  const [{ loop }] = contenders
  for (const calls of [1, FLOWS - 1, FLOWS, 3 * FLOWS + 5]) {
    const { sum } = await native.pick(calls)
    if (sum !== loop(calls) >>> 0) wrongSums++
  }
  const run = async (calls) => (await native.pick(calls)).nanoseconds
  runs.splice(1, 0, { id: 'c', title: 'C: bpf/include/flow_hash.h, gcc -O2', run })
}

for (const one of runs) one.slice = await sliceOf(one.run)
const times = runs.map(() => [])
// A round that does not count, then each begins with another contender.
for (let round = -1; round < Number(rounds); round++) {
  for (let turn = 0; turn < runs.length; turn++) {
    const index = (round + 1 + turn) % runs.length
    const { run, slice } = runs[index]
    const ns = await time(run, Number(milliseconds), slice)
    if (round >= 0) times[index].push(ns)
  }
}
native?.end()

const results = runs.map(({ id, title, pick, pickAgain }, i) => ({
  id,
  title,
  rounds: times[i],
  quality: pick ? judge({ pick, pickAgain }, count) : null,
}))
if (!Number.isFinite(kept)) throw new Error('a contender gave no number')
console.log(JSON.stringify({ backends: count, wrongSums, results }))
