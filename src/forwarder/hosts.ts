import { encode } from '../bpf/codec.js'
import type { BpfMap } from '../bpf/index.js'
import { type BackendSettings, HostAddress, HostConstant, HostKind } from '../bpf/layouts.js'
import { isLinkLocal } from '../net/classify.js'
import { isIPv4, type MappedAddress, textOf } from './address.js'
import { AddressTable } from './address-table.js'
import { clearCounters } from './counters.js'
import { waitForPackets } from './grace-period.js'
import { IndexPool } from './index-pool.js'

/** Edges and endpoints at most, of each. */
export const MOST_HOSTS = HostConstant.edges

/** Maps of backend.bpf.c that say who is who. */
interface HostMaps {
  hosts: BpfMap
  hostAddresses: BpfMap
  edgeCounters: BpfMap
}

/** Where the numbers of each kind begin in `host_addresses`. */
const FIRST = { [HostKind.edge]: 0, [HostKind.endpoint]: HostConstant.edges } as const

export interface HostsWanted {
  edges: readonly MappedAddress[]
  endpoints: readonly MappedAddress[]
  /** Whether endpoints have numbers, of which there are 256: ways of clients need them. */
  numbered: boolean
}

/**
 * Makes the maps have these addresses, and no others. What they have keeps its number: ways of clients refer to it.
 *
 * @returns the numbers of the edges
 */
export function fillHosts(maps: HostMaps, { edges, endpoints, numbered }: HostsWanted): Map<string, number> {
  const table = new AddressTable(maps.hosts.memory(), 'hosts', 'Name fewer endpoints')
  const there = new Map<string, number>()
  const left = { [HostKind.edge]: [] as number[], [HostKind.endpoint]: [] as number[] }
  const wanted = new Set([
    ...edges.map((address) => nameOf(HostKind.edge, address)),
    ...endpoints.map((address) => nameOf(HostKind.endpoint, address)),
  ])
  for (const entry of [...table.entries()]) {
    const kind = entry.kind as keyof typeof FIRST
    const name = nameOf(kind, entry.address)
    if (wanted.has(name)) {
      there.set(name, entry.value)
      continue
    }
    table.delete(entry)
    // Ways by what is none any longer lead nowhere, as long as nothing else has its number.
    left[kind].push(entry.value)
    maps.hostAddresses.update(Uint32Array.of(FIRST[kind] + entry.value), new Uint8Array(HostAddress.size))
  }
  if (table.resting) waitForPackets()
  table.rested()
  const add = (kind: keyof typeof FIRST, addresses: readonly MappedAddress[]) => {
    const names = addresses.map((address) => nameOf(kind, address))
    const known = names.flatMap((name) => there.get(name) ?? [])
    const free = new IndexPool(MOST_HOSTS, [...known, ...left[kind]])
    return new Map(
      addresses.map((address, i) => {
        const its = there.get(names[i]!)
        const number = its ?? free.take() ?? left[kind].shift()! // there are no more than numbers
        if (its === undefined) {
          if (kind === HostKind.edge) clearCounters(maps.edgeCounters, number)
          maps.hostAddresses.update(Uint32Array.of(FIRST[kind] + number), encode(HostAddress, { address, gue: 0 }))
        }
        table.set({ address, kind, protocol: 0, block: 0 }, number)
        return [textOf(address), number]
      }),
    )
  }
  if (numbered) add(HostKind.endpoint, endpoints)
  else for (const address of endpoints) table.set({ address, kind: HostKind.endpoint, protocol: 0, block: 0 }, 0)
  return add(HostKind.edge, edges)
}

/** Of endpoints those that most tunnels will end at: the first of each family that others than neighbours reach. */
export function usualEndpoints(endpoints: readonly MappedAddress[]): Pick<BackendSettings, 'usualIpv4' | 'usualIpv6'> {
  const far = endpoints.filter((address) => !isLinkLocal(address, 0, 6))
  const ipv4 = far.find(isIPv4)
  const ipv6 = far.find((address) => !isIPv4(address))
  return {
    usualIpv4: ipv4 === undefined ? 0 : Buffer.from(ipv4).readUInt32BE(12),
    usualIpv6: { address: ipv6 ?? new Uint8Array(16) },
  }
}

const nameOf = (kind: number, address: MappedAddress) => `${kind} ${textOf(address)}`
