import type { Known } from './known.js'
import type { PlaceLists } from './places.js'

/** All places that a configuration has. */
export function placesOf({ backends, counters, pools, services, splits }: Known): PlaceLists {
  const [allBackends, allPools, allServices] = [[...backends.values()], [...pools.values()], [...services.values()]]
  return {
    chunks: [
      ...allPools.map(({ run }) => run),
      ...allPools.flatMap(({ previous }) => previous?.run ?? []),
      ...[...splits.values()].map(({ run }) => run),
    ],
    serviceIndices: allServices.map(({ index }) => index),
    serviceCounters: allServices.map((known) => known.counters),
    poolIndices: allPools.map(({ index }) => index),
    backendIndices: allBackends.map(({ index }) => index),
    backendCounters: [...counters.values()],
  }
}

/** What a change leaves behind. */
export function retiredBy(before: Known, next: Known): PlaceLists {
  const retired: PlaceLists = {
    chunks: [],
    serviceIndices: [],
    serviceCounters: [],
    poolIndices: [],
    backendIndices: [],
    backendCounters: [],
  }
  const serviceCounters = new Set([...next.services.values()].map(({ counters }) => counters))
  for (const [name, known] of before.services) {
    if (next.services.get(name) === known) continue
    retired.serviceIndices.push(known.index)
    if (!serviceCounters.has(known.counters)) retired.serviceCounters.push(known.counters)
  }
  for (const [name, known] of before.pools) {
    const now = next.pools.get(name)
    if (now === known) continue
    if (now?.run !== known.run) retired.chunks.push(known.run)
    if (known.previous && now?.previous !== known.previous) retired.chunks.push(known.previous.run)
    // Its word stays: a packet may be under way with it.
    if (now?.index !== known.index) retired.poolIndices.push(known.index)
  }
  for (const [name, known] of before.backends) if (!next.backends.has(name)) retired.backendIndices.push(known.index)
  for (const [name, counters] of before.counters) if (!next.counters.has(name)) retired.backendCounters.push(counters)
  for (const [name, known] of before.splits) if (next.splits.get(name) !== known) retired.chunks.push(known.run)
  return retired
}
