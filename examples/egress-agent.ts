// Many outgoing connections from one address, over the same few local ports: HTTP, plain TCP and UDP.
//
//   npx tsx examples/egress-agent.ts
//
// Sixteen local ports are enough here for 48 connections, since they go to three destinations: a port is only taken for
// one destination. `node:net` with localAddress takes a port for all of them, and would stop at 16.

import { once } from 'node:events'
import http from 'node:http'
import type net from 'node:net'
import type { AddressInfo } from 'node:net'
import { PktInfoSocket } from 'udp-dsr'
import { connect, connectUdp, createAgent } from 'udp-dsr/ports'

const LOCAL = { localAddress: '127.0.0.7', localPortRange: [40_000, 40_015] } as const
const COUNT = 16

/** Three servers that tell their clients whom they see. */
const servers = await Promise.all(
  [1, 2, 3].map(async () => {
    const server = http.createServer(({ socket }, response) => response.end(`${socket.remotePort}`))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }),
)
const portOf = (server: net.Server): number => (server.address() as AddressInfo).port

console.log(`TCP from ${LOCAL.localAddress}, local ports ${LOCAL.localPortRange.join('–')}`)
const sockets: net.Socket[] = []
for (const server of servers) {
  const opened = Array.from({ length: COUNT }, () => connect({ host: '127.0.0.1', port: portOf(server), ...LOCAL }))
  await Promise.all(opened.map((socket) => once(socket, 'connect')))
  sockets.push(...opened)
  const ports = new Set(opened.map((socket) => socket.localPort))
  console.log(`  ${opened.length} connections to port ${portOf(server)} from ${ports.size} ports`)
}

const [first] = servers as [http.Server]
const oneMore = connect({ host: '127.0.0.1', port: portOf(first), ...LOCAL })
const [error] = (await once(oneMore, 'error')) as [Error & { code: string }]
console.log(`  one more to the first: ${error.code}`)

for (const socket of sockets.splice(0)) {
  socket.resetAndDestroy()
  await once(socket, 'close')
}

console.log('HTTP through an agent')
const agent = createAgent({ ...LOCAL, keepAlive: true })
for (const server of servers) {
  for (let i = 0; i < 2; i++) console.log(`  seen by port ${portOf(server)}: port ${await get(portOf(server))}`)
}
agent.destroy()

console.log('UDP')
const peer = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1' })
peer.on('message', (msg, rinfo) => peer.reply(msg, rinfo))
const { port } = peer.address()
const udp = connectUdp({ address: '127.0.0.1', port, ...LOCAL })
udp.send('hello')
const [echo] = (await once(udp, 'message')) as [Buffer]
const localPort = udp.address().port
console.log(`  ${echo} from port ${localPort}`)
try {
  connectUdp({ address: '127.0.0.1', port, localAddress: LOCAL.localAddress, localPort })
} catch (taken) {
  console.log(`  the same ends again: ${(taken as { code: string }).code}`)
}
udp.close()
peer.close()
for (const server of servers) server.close()

/** Asks a server through the agent. */
async function get(to: number): Promise<string> {
  const [response] = (await once(http.get({ host: '127.0.0.1', port: to, agent }), 'response')) as [
    http.IncomingMessage,
  ]
  let text = ''
  for await (const part of response) text += part
  return text
}
