import { encode, type LoadedObject, layouts, loadObject, settingsOf } from '../../../src/bpf/index.js'
import { sourceRewriteObject } from '../../../src/bpf/objects/source-rewrite.js'
import { addressBytes } from '../address.js'

const { RewriteRule, RewriteSettings, Vip } = layouts
const SETS = 16_384

/** The programs, with VIPs and rules but without an interface. */
export function loadRewrite(
  vips: readonly string[],
  rules: readonly { port: number; from: string }[] = [],
): LoadedObject<typeof sourceRewriteObject> {
  const loaded = loadObject(sourceRewriteObject, {
    entries: { requests: SETS, fragments: SETS },
    settings: settingsOf(RewriteSettings, {
      secret: { words: [0x01020304, 0x05060708] },
      learned: 1,
      rules: 1,
      linkBytes: 14,
      flowSets: SETS,
      flowIdle: 120,
    }),
  })
  const { maps } = loaded
  for (const [i, vip] of vips.entries()) {
    const key = encode(Vip, { address: addressBytes(vip) })
    maps.rewriteVips.update(Uint32Array.of(i), key)
    maps.vips.update(key, Uint32Array.of(i))
  }
  for (const { port, from } of rules) {
    const key = encode(RewriteRule, { port, version: from.includes(':') ? 6 : 4 })
    maps.rewriteRules.update(key, Uint32Array.of(vips.indexOf(from)))
  }
  return loaded
}
