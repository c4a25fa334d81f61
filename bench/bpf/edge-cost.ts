/**
 * What the edge costs a packet, by BPF_PROG_TEST_RUN. The wrapper of renew.h puts the packet back before each run,
 * under another client's name; what it takes to do only that is measured beside it, and subtracted.
 */
import { fileURLToPath } from 'node:url'
import { defineObject } from '../../scripts/lib/bpf-definition.mjs'
import { layouts, loadObject } from '../../src/bpf/index.js'
import { settingsOf } from '../../src/bpf/object.js'
import { fillMaps, SETTINGS, type TestBackend, type World } from '../../test/bpf/edge/world.js'
import * as wire from '../../test/bpf/packet.js'
import { CLIENTS, costCase } from './cost-case.js'

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** Runs that one figure is the mean of. */
const REPEAT = 200_000

export interface EdgeCost {
  delivery: string
  version: 4 | 6
  flows: string
  /** Nanoseconds of one packet above the wrapper; the least of all rounds. */
  cost: number
  /** Of the wrapper alone. */
  floor: number
}

const V4 = { address: '10.0.0.11', source: '10.0.0.2', port: 6080 }
const V6 = { address: '2001:db8:10::11', source: '2001:db8:10::2', port: 6080 }

function worldOf(backend: TestBackend, flowTable: boolean): World {
  const service = {
    ports: [60_002, 60_002] as const,
    affinity: 'client-ip-port' as const,
    pool: 0,
    flags: flowTable ? layouts.ServiceFlags.flowTable : 0,
  }
  return {
    secret: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    services: [
      { vip: '198.51.100.2', ...service },
      { vip: '2001:db8:51::2', ...service },
    ],
    // As many slots as src/pinning has by default.
    pools: [Array.from({ length: 65_537 }, (_, i) => i % 100)],
    backends: Array.from({ length: 100 }, () => backend),
    echo: ['198.51.100.2', '2001:db8:51::2'],
  }
}

/** @param rounds of all cases, interleaved: the least is what is left without the neighbours' noise */
export async function measureEdge(rounds = 7, flowTable = false): Promise<EdgeCost[]> {
  const definition = await defineObject(pathOf('./edge_cost.bpf.c'), [pathOf('../../bpf')])
  const sets = 2 ** 18
  const entries = { slots: 256, services: SETTINGS.buckets, ...(flowTable ? { flows: sets } : {}) }
  const settings = settingsOf(layouts.EdgeSettings, {
    ...SETTINGS,
    flowTable: Number(flowTable),
    flowSets: flowTable ? sets : 1,
  })
  const loaded = loadObject(definition, { entries, settings })
  try {
    const { maps, programs } = loaded as unknown as Parameters<typeof measure>[0]
    return measure({ maps, programs }, rounds, flowTable)
  } finally {
    loaded.close()
  }
}

type Loaded = ReturnType<typeof loadObject>

function measure(
  { maps, programs }: Pick<Loaded, 'maps' | 'programs'>,
  rounds: number,
  flowTable: boolean,
): EdgeCost[] {
  const found = new Map<string, EdgeCost>()
  for (let round = 0; round < rounds; round++) {
    for (const delivery of ['l2', 'ipip', 'gue', 'proxy'] as const) {
      for (const version of [4, 6] as const) {
        fillMaps(maps as never, worldOf({ delivery, ...(version === 4 ? V4 : V6) }, flowTable))
        const ends =
          version === 4
            ? { source: '203.0.113.2', destination: '198.51.100.2' }
            : { source: '2001:db8:113::2', destination: '2001:db8:51::2' }
        const datagram = wire.udp(new Uint8Array(64), { ...ends, sourcePort: 40_695, destinationPort: 60_002 })
        const frame = wire.ethernet(wire.ip(datagram, ends))
        for (const [flows, clients] of Object.entries(CLIENTS)) {
          const run = (name: string) => {
            maps.costCases!.update(Uint32Array.of(0), costCase(frame, clients, version === 4 ? [26, 34] : [34, 54]))
            return programs[name]!.testRun({ data: frame, repeat: REPEAT }).duration
          }
          const floor = run(delivery === 'l2' ? 'base' : 'baseMoved')
          const total = run('cost')
          const key = `${delivery} ${version} ${flows}`
          const before = found.get(key)
          const least = Math.min(before?.floor ?? Infinity, floor)
          const whole = Math.min(before ? before.cost + before.floor : Infinity, total)
          found.set(key, { delivery, version, flows, floor: least, cost: whole - least })
        }
      }
    }
  }
  return [...found.values()]
}
