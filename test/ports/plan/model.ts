import fc from 'fast-check'
import type { PortOwner, PortPlanEntry } from '../../../src/ports/index.js'

/** An entry of the model: its ports one by one, and for each the node that has it, if it is divided. */
interface ModelEntry {
  ports: Set<number>
  ownerOf: (port: number) => string
}

/** Where the model finds two owners for a port. */
export const CONFLICT = Symbol('conflict')

/** Who owns each port, by asking every entry about every port: slow, and hard to get wrong. */
export function modelOf(entries: readonly PortPlanEntry[]): (string | undefined)[] | typeof CONFLICT {
  const model = entries.map(modelEntry)
  const owners: (string | undefined)[] = []
  for (let port = 0; port < 65536; port++) {
    const claims = model.filter(({ ports }) => ports.has(port))
    const least = Math.min(...claims.map(({ ports }) => ports.size))
    const winners = new Set(claims.filter(({ ports }) => ports.size === least).map(({ ownerOf }) => ownerOf(port)))
    if (winners.size > 1) return CONFLICT
    owners.push([...winners][0])
  }
  return owners
}

/** An owner in the model's words. */
export function spoken(owner: Pick<PortOwner, 'regions' | 'nodes'> | undefined): string | undefined {
  return owner && `${owner.regions.join()}/${owner.nodes.join()}`
}

function modelEntry(entry: PortPlanEntry): ModelEntry {
  const ports = new Set<number>()
  for (let port = 0; port < 65536; port++) {
    const bit = 1n << BigInt(Math.floor(port / 1024))
    const mine =
      entry.port_mask === undefined
        ? port >= Number(entry.port_start) && port <= Number(entry.port_end)
        : (BigInt(entry.port_mask) & bit) !== 0n
    if (mine) ports.add(port)
  }
  const regions = [...(entry.regions ?? [])].sort().join()
  const nodes = [...(entry.nodes ?? [])].sort().join()
  return { ports, ownerOf: () => `${regions}/${nodes}` }
}

const NAMES = ['sea', 'ord', 'fra', 'maa', 'atl']
const someNames = fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 2 })
const owner = fc.oneof(
  fc.record({ regions: someNames }),
  fc.record({ nodes: someNames.map((names) => names.map((name) => `${name}-1`)) }),
)
const port = fc.oneof(fc.integer({ min: 0, max: 65535 }), fc.constantFrom(0, 1, 1023, 1024, 65535))
const range = fc.tuple(port, port).map(([a, b]) => ({ port_start: Math.min(a, b), port_end: Math.max(a, b) }))
const mask = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map((port_mask) => ({ port_mask }))
/** Ranges of few sizes, so that some are equally large. */
const equal = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom(1000, 1024, 2000))
  .map(([i, size]) => ({ port_start: i * 1000, port_end: i * 1000 + size - 1 }))

/** Entries of any kind but divided ones. */
export const anyEntry: fc.Arbitrary<PortPlanEntry> = fc
  .tuple(owner, fc.oneof(range, mask, equal))
  .map(([who, what]) => ({ ...who, ...what }))

/** Names that a TOML text must quote, as well as plain ones. */
const oddName = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 12, unit: 'binary' }),
    fc.constantFrom('10', '2', '__proto__', 'a"b', 'ü'),
  )
  .filter((name) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(name))
const perNode = fc.oneof(
  fc.uniqueArray(oddName, { minLength: 1, maxLength: 8 }),
  fc
    .uniqueArray(fc.tuple(oddName, fc.integer({ min: 1, max: 9 })), {
      minLength: 1,
      maxLength: 8,
      selector: ([name]) => name,
    })
    .map((weights) => Object.fromEntries(weights)),
)

/** An entry whose region is divided, with ports enough for all. */
export const dividedEntry: fc.Arbitrary<PortPlanEntry> = fc
  .tuple(
    oddName,
    fc.oneof(
      fc
        .tuple(port, fc.integer({ min: 100, max: 30_000 }))
        .filter(([start, ports]) => start + ports <= 65536)
        .map(([start, ports]) => ({ port_start: start, port_end: start + ports - 1 })),
      mask,
    ),
    perNode,
  )
  .map(([region, what, per_node]) => ({ regions: [region], ...what, per_node }))
