// One of several processes that want the same UDP 4-tuples. Its arguments: how it opens them, the peer's port, the first
// local port and how many. It begins when told to, says which it got, and keeps them until its parent goes.

import dgram from 'node:dgram'
import { once } from 'node:events'
import { connectUdp, type TupleError } from 'udp-dsr/ports'

const ADDRESS = '127.0.0.1'
const [how, ...numbers] = process.argv.slice(2)
const [port, first, count] = numbers.map(Number) as [number, number, number]

/** As programs do that know of no better way: SO_REUSEADDR, bind, connect. */
async function naive(localPort: number): Promise<boolean> {
  const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true })
  socket.bind(localPort, ADDRESS)
  await once(socket, 'listening')
  socket.connect(port, ADDRESS)
  await once(socket, 'connect')
  return true
}

function ours(localPort: number): boolean {
  try {
    connectUdp({ address: ADDRESS, port, localAddress: ADDRESS, localPort })
    return true
  } catch (error) {
    if ((error as TupleError).code === 'ERR_TUPLE_IN_USE') return false
    throw error
  }
}

process.send?.('ready')
await once(process, 'message')
const owned: number[] = []
for (let localPort = first; localPort < first + count; localPort++) {
  if (how === 'naive' ? await naive(localPort) : ours(localPort)) owned.push(localPort)
}
process.send?.(owned)
process.once('disconnect', () => process.exit(0))
