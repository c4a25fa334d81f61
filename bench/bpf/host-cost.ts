/** What the programs of backends cost a packet, by BPF_PROG_TEST_RUN: decapsulation, and another source for a reply. */
import { fileURLToPath } from 'node:url'
import { defineObject } from '../../scripts/lib/bpf-definition.mjs'
import { type BpfMap, encode, layouts, loadObject, settingsOf } from '../../src/bpf/index.js'
import { AddressTable } from '../../src/forwarder/address-table.js'
import { usualEndpoints } from '../../src/forwarder/hosts.js'
import { addressBytes } from '../../test/bpf/address.js'
import { backendSettings } from '../../test/bpf/backend/hosts.js'
import * as wire from '../../test/bpf/packet.js'
import { CLIENTS, costCase } from './cost-case.js'

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** Runs that one figure is the mean of. */
const REPEAT = 200_000
const EDGE = '10.0.0.2'
const HERE = '10.0.0.11'
const VIP = '198.51.100.2'
const BUCKETS = 1024
/** Of all replies: so many at least must have been rewritten. */
const REWRITTEN = 0.99
/** Sets of the table of requests, by their number: what `SourceRewrite` has by default, and room for a million. */
const SETS = { '1': 2 ** 14, '4,096': 2 ** 14, '1,048,576': 2 ** 21 } as const

export interface HostCost {
  program: 'backend, ipip' | 'source_rewrite, learned'
  flows: string
  /** Nanoseconds of one packet above the wrapper; the least of all rounds. */
  cost: number
  /** Of the wrapper alone. */
  floor: number
}

/** Keeps the least of all rounds. */
class Least {
  readonly #found = new Map<string, HostCost>()

  note(program: HostCost['program'], flows: string, floor: number, total: number): void {
    const key = `${program} ${flows}`
    const before = this.#found.get(key)
    const least = Math.min(before?.floor ?? Infinity, floor)
    const whole = Math.min(before ? before.cost + before.floor : Infinity, total)
    this.#found.set(key, { program, flows, floor: least, cost: whole - least })
  }

  get costs(): HostCost[] {
    return [...this.#found.values()]
  }
}

export async function measureHosts(rounds: number): Promise<HostCost[]> {
  const least = new Least()
  await measureBackend(rounds, least)
  for (const [flows, sets] of Object.entries(SETS))
    await measureRewrite(rounds, flows as keyof typeof SETS, sets, least)
  return least.costs
}

function tableOf(map: BpfMap, entries: readonly { address: string; kind: number; value: number }[]): void {
  const table = new AddressTable(map.memory(), map.name, '')
  for (const { address, kind, value } of entries) {
    table.set({ address: addressBytes(address), kind, protocol: 0, block: 0 }, value)
  }
}

async function load(source: string, options: object) {
  const definition = await defineObject(pathOf(source), [pathOf('../../bpf')])
  return loadObject(definition as never, options as never) as unknown as {
    maps: Record<string, BpfMap>
    programs: Record<
      string,
      { testRun(run: { data: Uint8Array; repeat: number }): { duration: number; verdict: number } }
    >
    close(): void
  }
}

function expectVerdict(name: string, verdict: number, wanted: number): void {
  if (verdict !== wanted) throw new Error(`${name} returned ${verdict} instead of ${wanted}`)
}

const XDP_PASS = 2

async function measureBackend(rounds: number, least: Least): Promise<void> {
  // As `Backend` has it.
  const settings = backendSettings(6080, usualEndpoints([addressBytes(HERE)]))
  const loaded = await load('./backend_cost.bpf.c', { settings })
  try {
    const { maps, programs } = loaded
    tableOf(maps.hosts!, [
      { address: HERE, kind: layouts.HostKind.endpoint, value: 0 },
      // As many as it may have.
      ...Array.from({ length: 255 }, (_, i) => ({ address: `10.9.0.${i}`, kind: layouts.HostKind.edge, value: i + 1 })),
      { address: EDGE, kind: layouts.HostKind.edge, value: 0 },
    ])
    const ends = { source: '203.0.113.2', destination: VIP }
    const inner = wire.ip(wire.udp(new Uint8Array(64), { ...ends, sourcePort: 40_695, destinationPort: 53 }), ends)
    const frame = wire.ethernet(wire.ip(inner, { source: EDGE, destination: HERE, protocol: 4 }))
    for (let round = 0; round < rounds; round++) {
      for (const [flows, clients] of Object.entries(CLIENTS)) {
        const run = (name: string) => {
          maps.costCases!.update(Uint32Array.of(0), costCase(frame, clients, [46, 54]))
          const { duration, verdict } = programs[name]!.testRun({ data: frame, repeat: REPEAT })
          expectVerdict(name, verdict, XDP_PASS)
          return duration
        }
        least.note('backend, ipip', flows, run('baseMoved'), run('cost'))
      }
    }
  } finally {
    loaded.close()
  }
}

async function measureRewrite(rounds: number, flows: keyof typeof SETS, sets: number, least: Least): Promise<void> {
  const loaded = await load('./rewrite_cost.bpf.c', {
    entries: { requests: sets, vips: BUCKETS },
    settings: settingsOf(layouts.RewriteSettings, {
      secret: { words: [0x9abcdef1, 0x12345677] },
      learned: 1,
      rules: 1,
      linkBytes: 14,
      flowSets: sets,
      flowIdle: 3600,
      buckets: BUCKETS,
    }),
  })
  try {
    const { maps, programs } = loaded
    tableOf(maps.vips!, [{ address: VIP, kind: 0, value: 0 }])
    maps.rewriteVips!.update(Uint32Array.of(0), encode(layouts.Vip, { address: addressBytes(VIP) }))
    const ends = { source: HERE, destination: '203.0.113.2' }
    const frame = wire.ethernet(
      wire.ip(wire.udp(new Uint8Array(64), { ...ends, sourcePort: 53, destinationPort: 40_695 }), ends),
    )
    const begin = () => {
      const value = Buffer.alloc(64)
      value.set(frame.subarray(0, 48))
      value.writeUInt32LE(CLIENTS[flows], 48)
      maps.replyCases!.update(Uint32Array.of(0), value)
    }
    begin()
    programs.fill!.testRun({ data: frame, repeat: CLIENTS[flows] + 1 })
    for (let round = 0; round < rounds; round++) {
      const run = (name: string) => {
        begin()
        return programs[name]!.testRun({ data: frame, repeat: REPEAT }).duration
      }
      least.note('source_rewrite, learned', flows, run('base'), run('cost'))
    }
    const rewritten = maps.reasonCounters!.lookupPerCpu(Uint32Array.of(layouts.Reason.rewritten))
    const packets = rewritten.reduce(
      (sum, value) => sum + Number(new DataView(value.buffer).getBigUint64(value.byteOffset, true)),
      0,
    )
    const all = rounds * REPEAT
    if (packets < REWRITTEN * all) throw new Error(`${packets} replies of ${all} were rewritten`)
  } finally {
    loaded.close()
  }
}
