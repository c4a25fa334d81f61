// Binds a UDP socket to each port of a range, by turns as werift does it and with PortWindow: fill-window.mjs ROUNDS PORTS
import { UdpTransport } from 'werift'
import { PortWindow } from '../../dist/ports/index.js'

const [rounds, ports] = process.argv.slice(2).map(Number)
const LOW = 20000
const HIGH = LOW + ports - 1
const ADDRESS = '127.0.0.1'

async function withWerift() {
  const transports = []
  const before = performance.now()
  for (let i = 0; i < ports; i++) {
    // Its findPort: from the low end, it binds and closes a socket at each port until one is free, which it binds again.
    transports.push(await UdpTransport.init('udp4', { portRange: [LOW, HIGH], interfaceAddresses: { udp4: ADDRESS } }))
  }
  const milliseconds = performance.now() - before
  const taken = new Set(transports.map(({ port }) => port))
  await Promise.all(transports.map((transport) => transport.close()))
  return { milliseconds, ports: taken.size }
}

async function withWindow() {
  const window = new PortWindow({ range: [LOW, HIGH] })
  const sockets = []
  const before = performance.now()
  for (let i = 0; i < ports; i++) sockets.push(window.bindSocket({ type: 'udp4', address: ADDRESS }))
  const milliseconds = performance.now() - before
  const taken = new Set(sockets.map((socket) => socket.address().port))
  await Promise.all(sockets.map((socket) => socket[Symbol.asyncDispose]()))
  window.close()
  return { milliseconds, ports: taken.size }
}

await withWindow() // the compiler's turn
const results = []
for (let round = 0; round < rounds; round++) {
  const first = round % 2 === 0 ? await withWerift() : undefined
  const window = await withWindow()
  results.push({ werift: first ?? (await withWerift()), window })
}
console.log(JSON.stringify(results))
