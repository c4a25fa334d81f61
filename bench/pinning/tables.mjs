// Measures the tables of one kind for one pool, and prints the result: tables.mjs KIND SIZE POOL BUILDS
import { buildTable } from 'udp-dsr/pinning'
import { ids } from './contenders.mjs'

/** Weights of each pool, in turn. */
const POOLS = {
  10: [10, [1]],
  100: [100, [1]],
  1000: [1000, [1]],
  10000: [10_000, [1]],
  mixed: [100, [1, 2, 4, 8]],
  'mixed-1000': [1000, [1, 2, 4, 8]],
}
/** How many of the backends are taken away, one at a time, and how many are added. */
const CHANGES = 10

function entries([count, weights]) {
  return ids(count).map((id, i) => ({ id, weight: weights[i % weights.length] }))
}

function owners({ backends, slots }) {
  return Array.from(slots, (index) => backends[index].id)
}

/** Slots of each as a multiple of what its weight asks for. */
function loads({ backends, slots, size }) {
  const counts = new Map(backends.map(({ id }) => [id, 0]))
  for (const index of slots) counts.set(backends[index].id, counts.get(backends[index].id) + 1)
  const total = backends.reduce((sum, { weight }) => sum + weight, 0)
  return backends.map(({ id, weight }) => (counts.get(id) * total) / (size * weight))
}

/** Share of the slots that went from one backend to another, both of them among `staying`. */
function movedBetween(before, after, staying) {
  let moved = 0
  for (const [slot, owner] of before.entries()) {
    if (owner !== after[slot] && staying.has(owner) && staying.has(after[slot])) moved++
  }
  return moved / before.length
}

/** Share of the slots that changed hands, less what must have: the sum of what each backend has less than before. */
function movedBeyondNeed(before, after) {
  const fewer = new Map()
  let moved = 0
  for (const [slot, owner] of before.entries()) {
    if (owner !== after[slot]) moved++
    fewer.set(owner, (fewer.get(owner) ?? 0) + 1)
    fewer.set(after[slot], (fewer.get(after[slot]) ?? 0) - 1)
  }
  const needed = [...fewer.values()].reduce((sum, slots) => sum + Math.max(0, slots), 0)
  return (moved - needed) / before.length
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

const [kind, size, poolName, builds] = process.argv.slice(2)
const pool = entries(POOLS[poolName])
const build = (backends) => buildTable({ kind, backends, size: Number(size) })

// The first ones are compiled while they run; a program that updates its pool now and then builds slowly, too.
const times = Array.from({ length: Number(builds) }, () => {
  const begin = process.hrtime.bigint()
  build(pool)
  return Number(process.hrtime.bigint() - begin) / 1e6
})

const table = build(pool)
const before = owners(table)
const spread = Array.from({ length: Math.min(CHANGES, pool.length) }, (_, i) =>
  Math.floor(((i + 0.5) * pool.length) / Math.min(CHANGES, pool.length)),
)

// Who goes leaves its slots; no other slot need move.
const removals = spread.map((gone) => {
  const rest = pool.filter((_, i) => i !== gone)
  return movedBetween(before, owners(build(rest)), new Set(rest.map(({ id }) => id)))
})
// Who comes takes its slots; no other slot need move.
const additions = spread.map((_, i) => {
  const all = [...pool, { id: `10.200.0.${i}:60002`, weight: pool[i].weight }]
  return movedBetween(before, owners(build(all)), new Set(pool.map(({ id }) => id)))
})
// Who gets half the weight must give away what it then has too much. All weights are doubled, so that every half is
// whole: tables depend on proportions.
const halvings = spread.map((light) => {
  const after = build(pool.map(({ id, weight }, i) => ({ id, weight: i === light ? weight : 2 * weight })))
  return movedBeyondNeed(before, owners(after))
})

const all = loads(table)
console.log(
  JSON.stringify({
    kind,
    size: Number(size),
    pool: poolName,
    backends: pool.length,
    maxOverMean: Math.max(...all),
    minOverMean: Math.min(...all),
    needless: { remove: mean(removals), add: mean(additions), weight: mean(halvings) },
    loads: pool.length > 100 ? [] : all.sort((a, b) => b - a).map((load) => Number(load.toFixed(4))),
    buildMs: median(times),
    firstBuildMs: times[0],
  }),
)
