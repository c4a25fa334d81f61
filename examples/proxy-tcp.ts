// A TCP server behind a proxy (HAProxy, nginx, a cloud's load balancer): it knows its clients by the PROXY header that
// each connection begins with.
//
//   npx tsx examples/proxy-tcp.ts [PORT]

import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { encode, wrapServer } from 'udp-dsr/proxy'

// `trusted` are the proxies. A header from anyone else is never believed.
const server = wrapServer(createServer(), { trusted: ['127.0.0.0/8', '::1'] })

server.on('connection', (socket) => {
  const client = `${socket.remoteAddress}:${socket.remotePort}`
  console.log(`${client} came through the proxy ${socket.via?.address}`)
  socket.on('error', (error) => console.log(`${client}: ${error.message}`))
  socket.end(`You are ${client}\n`)
})
server.on('proxyError', (error, socket) => console.log(`Refused ${socket.remoteAddress}: ${error.message}`))

server.listen(Number(process.argv[2] ?? 60080), '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo
console.log(`Behind a proxy on 127.0.0.1:${port}. In HAProxy: server me 127.0.0.1:${port} send-proxy-v2`)

// Where no proxy is at hand, this one connection does what a proxy would do.
const standIn = connect(port, '127.0.0.1')
const header = encode({
  version: 'v2',
  family: 'IPv4',
  transport: 'STREAM',
  source: { address: '203.0.113.7', port: 50000 },
  destination: { address: '198.51.100.1', port: 443 },
})
standIn.write(header)
standIn.on('data', (answer) => process.stdout.write(`The stand-in was told: ${answer}`))

console.log('Ctrl-C ends it.')
process.once('SIGINT', () => server.close())
