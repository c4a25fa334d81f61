// One socket, many VIPs, both families: the answer tells which VIP was asked, and leaves from it.
//
//   npx tsx examples/multi-vip.ts [PORT]

import { PktInfoSocket } from 'udp-dsr'

// A udp6 socket on `::` is dual-stack: IPv4 addresses look like ::ffff:127.0.0.1.
const socket = await PktInfoSocket.bind({ type: 'udp6', port: Number(process.argv[2] ?? 60002) })
const plain = (address: string) => address.replace('::ffff:', '')

/** What each VIP stands for, as a server of many customers would look it up. The others are strangers. */
const tenants = new Map([
  ['127.0.0.1', 'alpha'],
  ['127.0.0.2', 'beta'],
  ['127.0.0.3', 'gamma'],
  ['::1', 'delta'],
])
const asked = new Map<string, number>()

socket.on('message', (_msg, rinfo) => {
  const vip = plain(rinfo.local.address)
  const tenant = tenants.get(vip) ?? 'nobody'
  const count = (asked.get(vip) ?? 0) + 1
  asked.set(vip, count)
  console.log(`${plain(rinfo.address)} asked ${vip} (${tenant}), ${count} times so far`)
  socket.reply(`you asked ${vip}, which is ${tenant}\n`, rinfo)
})

const { port } = socket.address()
console.log(`Serving every local address on port ${port}; known: ${[...tenants.keys()].join(', ')}`)
console.log(`Try: echo hello | socat - UDP:127.0.0.3:${port}   Ctrl-C ends it.`)
process.once('SIGINT', () => socket.close())
