import { type backendObject, type LoadedObject, layouts, settingsOf } from '../../../src/bpf/index.js'
import { AddressTable } from '../../../src/forwarder/address-table.js'
import { addressBytes } from '../address.js'

const { HostKind } = layouts
/** As backend.bpf.c has it. */
const BUCKETS = 1024

/** Both tunnels are undone. */
export const backendSettings = (guePort: number): Uint8Array =>
  settingsOf(layouts.BackendSettings, { ipip: 1, gue: 1, guePort, buckets: BUCKETS })

/** Names the addresses that tunnels end at, and the edges with their numbers. */
export function nameHosts(
  { maps }: LoadedObject<typeof backendObject>,
  endpoints: readonly string[],
  edges: Readonly<Record<string, number>>,
): void {
  const table = new AddressTable(maps.hosts.memory(), 'hosts', '')
  const name = (address: string, kind: number, value: number) =>
    table.set({ address: addressBytes(address), kind, protocol: 0, block: 0 }, value)
  for (const address of endpoints) name(address, HostKind.endpoint, 0)
  for (const [address, number] of Object.entries(edges)) name(address, HostKind.edge, number)
}
