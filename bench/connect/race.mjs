// One of several processes that want the same UDP 4-tuples: race.mjs HOW PORTS DESTINATIONS
// Prints `ready 0`, begins with the first line of its standard input, prints what it owns, and holds that until the input ends.
import dgram from 'node:dgram'
import { createInterface } from 'node:readline'
import { connectUdp } from '../../dist/ports/index.js'

const [how, ports, destinations] = process.argv.slice(2)
const FIRST_PORT = 20000
const SOURCE = '127.0.0.1'
const PORT = 443

const tuples = Array.from({ length: Number(ports) * Number(destinations) }, (_, i) => ({
  localPort: FIRST_PORT + (i % Number(ports)),
  address: `127.0.1.${1 + Math.floor(i / Number(ports))}`,
}))

/** Open sockets of node:dgram. */
const open = []

const ways = {
  ours({ localPort, address }) {
    return connectUdp({ localAddress: SOURCE, localPort, address, port: PORT })
  },
  // As those do who want one local port for several peers.
  dgram({ localPort, address }) {
    return new Promise((resolve, reject) => {
      const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true })
      open.push(socket)
      socket.once('error', reject)
      socket.bind(localPort, SOURCE, () => socket.connect(PORT, address, () => resolve(socket)))
    })
  },
}

console.log('ready 0')
const lines = createInterface(process.stdin)[Symbol.asyncIterator]()
await lines.next()

const owned = []
const errors = {}
const before = performance.now()
for (const [index, tuple] of tuples.entries()) {
  try {
    await ways[how](tuple)
    owned.push(index)
  } catch (error) {
    errors[error.code] = (errors[error.code] ?? 0) + 1
  }
}
const seconds = (performance.now() - before) / 1000
console.log(JSON.stringify({ owned, errors, seconds }))
await lines.next()
process.exit()
