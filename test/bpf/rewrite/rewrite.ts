import { encode, type LoadedObject, layouts, loadObject, settingsOf } from '../../../src/bpf/index.js'
import { sourceRewriteObject } from '../../../src/bpf/objects/source-rewrite.js'
import { AddressTable } from '../../../src/forwarder/address-table.js'
import { addressBytes } from '../address.js'

const { RewriteSettings, Vip } = layouts
const SETS = 16_384
const BUCKETS = 64

/** The programs, with VIPs and rules but without an interface. */
export function loadRewrite(
  vips: readonly string[],
  rules: readonly { port: number; from: string }[] = [],
): LoadedObject<typeof sourceRewriteObject> {
  const loaded = loadObject(sourceRewriteObject, {
    entries: { requests: SETS, fragments: SETS, vips: BUCKETS },
    settings: settingsOf(RewriteSettings, {
      secret: { words: [0x01020304, 0x05060708] },
      learned: 1,
      rules: 1,
      linkBytes: 14,
      flowSets: SETS,
      flowIdle: 120,
      buckets: BUCKETS,
    }),
  })
  const { maps } = loaded
  const table = new AddressTable(maps.vips.memory(), 'vips', '')
  const places = new Uint16Array(maps.rewriteRules.memory())
  for (const [i, vip] of vips.entries()) {
    const key = encode(Vip, { address: addressBytes(vip) })
    maps.rewriteVips.update(Uint32Array.of(i), key)
    table.set({ address: addressBytes(vip), kind: 0, protocol: 0, block: 0 }, i)
  }
  for (const { port, from } of rules) {
    places[port + (from.includes(':') ? 65_536 : 0)] = vips.indexOf(from) + 1
  }
  return loaded
}
