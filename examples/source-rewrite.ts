// The right source for the replies of programs that know nothing of VIPs: in any language, unchanged, bound to the wildcard
// address. As root, on the host of the programs.
//
//   npx tsx examples/source-rewrite.ts eth0 198.51.100.2 2001:db8:51::2
//
// The VIPs must be local addresses: `ip route add local 198.51.100.2 dev lo`. Ctrl-C ends it.

import { SourceRewrite } from 'udp-dsr/forwarder'

const [name, ...vips] = process.argv.slice(2)
if (name === undefined || vips.length === 0) {
  console.error('usage: npx tsx examples/source-rewrite.ts INTERFACE VIP…')
  process.exit(2)
}

const rewrite = await SourceRewrite.attach({ interface: name, vips })
console.log(`replies through ${name} leave from ${vips.join(' or ')}, whichever was asked (${rewrite.hook})`)

let before = 0
const timer = setInterval(() => {
  const { rewritten, unknown } = rewrite.stats()
  if (rewritten.packets === before) return
  before = rewritten.packets
  console.log(`${rewritten.packets} replies rewritten, ${unknown.packets} datagrams of no request left alone`)
}, 1000)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    clearInterval(timer)
    await rewrite.detach()
    console.log('detached')
  })
}
