import { ServiceKind, ServiceValue, TableConstant } from '../bpf/layouts.js'
import { textOf } from './address.js'
import { type EntryKey, nameOf } from './address-table.js'
import type { Service } from './read-config.js'

/** Protocol of all services (IANA). */
const UDP = 17

/** What the table of services must say: an entry with one service, or one of which each port has its own. */
export type WantedEntry = { key: EntryKey } & ({ service: number } | { ports: Uint16Array })

/**
 * The entries that services need. A block of 1024 ports with one owner is one entry; one with several, or with ports that
 * nobody owns, has an owner for each port.
 *
 * @param indexOf index of a service in `service_table`
 * @returns by `nameOf` their keys
 */
export function entriesOf(
  services: readonly Service[],
  indexOf: (service: Service) => number,
): Map<string, WantedEntry> {
  const entries = new Map<string, WantedEntry>()
  const add = (entry: WantedEntry) => entries.set(nameOf(entry.key), entry)
  const blocks = new Map<string, { key: EntryKey; ports: Uint16Array }>()
  const fragments = new Map<string, { key: EntryKey; service: number }>()
  for (const service of services) {
    const index = indexOf(service)
    for (const address of service.vips) {
      const key = { address, kind: ServiceKind.fragments, protocol: UDP, block: 0 }
      // Without a taker fragments are known to be for a VIP, and dropped rather than given to a host that has no use for them.
      const taken = fragments.get(textOf(address))
      if (service.fragments || taken === undefined) {
        fragments.set(textOf(address), { key, service: service.fragments ? index : ServiceValue.none })
      }
      if (service.echo)
        add({ key: { address, kind: ServiceKind.vip, protocol: 0, block: 0 }, service: ServiceValue.none })
      for (const [low, high] of service.ports) fill(blocks, address, low, high, index)
    }
  }
  for (const entry of fragments.values()) add(entry)
  for (const { key, ports } of blocks.values()) {
    const [owner] = ports as unknown as [number]
    add(ports.every((port) => port === owner) ? { key, service: owner } : { key, ports })
  }
  return entries
}

function fill(
  blocks: Map<string, { key: EntryKey; ports: Uint16Array }>,
  address: Uint8Array,
  low: number,
  high: number,
  index: number,
): void {
  const size = TableConstant.chunkSlots
  for (let block = Math.floor(low / size); block <= Math.floor(high / size); block++) {
    const key = { address, kind: ServiceKind.ports, protocol: UDP, block }
    const name = nameOf(key)
    const found = blocks.get(name) ?? { key, ports: new Uint16Array(size).fill(ServiceValue.none) }
    const start = block * size
    found.ports.fill(index, Math.max(low - start, 0), Math.min(high - start, size - 1) + 1)
    blocks.set(name, found)
  }
}
