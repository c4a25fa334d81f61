import { type backendObject, type LoadedObject, layouts, settingsOf } from '../../../src/bpf/index.js'
import { fillHosts } from '../../../src/forwarder/hosts.js'
import { addressBytes } from '../address.js'

/** As backend.bpf.c has it. */
const BUCKETS = 1024

/** Both tunnels are undone. */
export const backendSettings = (guePort: number, more: Partial<layouts.BackendSettings> = {}): Uint8Array =>
  settingsOf(layouts.BackendSettings, {
    secret: { words: [0x01020304, 0x05060708] },
    ipip: 1,
    gue: 1,
    guePort,
    proxy: 0,
    returns: 0,
    linkBytes: 14,
    buckets: BUCKETS,
    flowSets: 1,
    flowIdle: 60,
    mtu: 1500,
    usualIpv4: 0,
    usualIpv6: { address: new Uint8Array(16) },
    ...more,
  })

/** Names the addresses that tunnels end at, and the edges. @returns the edges' numbers */
export function nameHosts(
  { maps }: LoadedObject<typeof backendObject>,
  endpoints: readonly string[],
  edges: readonly string[],
): Map<string, number> {
  const mapped = (addresses: readonly string[]) => addresses.map(addressBytes)
  return fillHosts(maps, { edges: mapped(edges), endpoints: mapped(endpoints), numbered: true })
}
